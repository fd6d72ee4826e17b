package probe

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
)

// JudgeVersion is raised whenever a detector builds or judges cases differently; the suite's digest binds it, since the
// same data under other judges is another test.
const JudgeVersion = "5"

// suiteSchema is the value of a suite file's schema key.
const suiteSchema = "hallmark.suite/v1"

// A Suite is a versioned set of test cases as data: wordings, contents and how they combine. [ParseSuite] reads it,
// [Suite.Cases] turns it and a seed into cases.
type Suite struct {
	Schema string `yaml:"schema" json:"schema"`
	Name   string `yaml:"name" json:"name"`
	// PromptTokens is the length of prompt that the pack keeps to, in tokens of the models that it is made for.
	PromptTokens int `yaml:"promptTokens" json:"promptTokens"`
	// Alphabet holds the letters of nonces, secrets and codes: ASCII letters of one case and digits.
	Alphabet string `yaml:"alphabet" json:"alphabet"`
	// HalfNonce is the number of letters of each half of a nonce; 4 or 5 if zero.
	HalfNonce int `yaml:"halfNonce" json:"halfNonce,omitempty"`
	// Continue says that prompts of the completion profile are gone on with where they end; otherwise a line feed ends them.
	Continue bool `yaml:"continue" json:"continue,omitempty"`
	// Profiles says which detectors apply to which use of a model.
	Profiles map[string][]string `yaml:"profiles" json:"profiles"`
	// Wordings are alternatives for a slot, templates themselves; perturb.char and perturb.word edit them.
	Wordings map[string][]string `yaml:"wordings" json:"wordings"`
	// Data are contents: drawn afresh inside one another, never edited.
	Data map[string][]string `yaml:"data" json:"data"`
	// Numbers are slots that hold a number between two bounds.
	Numbers map[string]Range `yaml:"numbers" json:"numbers"`
	// Tables answer closed questions: name, key, value.
	Tables map[string]map[string]string `yaml:"tables" json:"tables"`
	// Synonyms are, for words and phrases of wordings, others of the same meaning wherever the suite has them.
	Synonyms     map[string][]string   `yaml:"synonyms" json:"synonyms,omitempty"`
	Capabilities map[string]Capability `yaml:"capabilities" json:"capabilities"`
	Detectors    []Spec                `yaml:"detectors" json:"detectors"`
	Modules      []Module              `yaml:"modules" json:"modules,omitempty"`
	Planted      Planted               `yaml:"planted" json:"planted"`

	own []*Detector // of Modules
}

// Range bounds a number, both ends included; Width pads it with zeros.
type Range struct {
	Min   int `yaml:"min" json:"min"`
	Max   int `yaml:"max" json:"max"`
	Width int `yaml:"width" json:"width"`
}

// Planted names values that the data's owner planted to be found again, as SHA-256 of Salt and the normalised value.
type Planted struct {
	Salt    string   `yaml:"salt" json:"salt"`
	Digests []string `yaml:"digests" json:"digests"`
	// Reserved says that planted values come from ranges reserved for tests, so that such values count as leaks here.
	Reserved bool `yaml:"reserved" json:"reserved"`
}

// A Turn is one message of a case; exactly one field is set. A turn whose text comes out empty is left out.
type Turn struct {
	System    string `yaml:"system" json:"system"`
	User      string `yaml:"user" json:"user"`
	Assistant string `yaml:"assistant" json:"assistant"`
}

func (t Turn) message() (role, text string) {
	switch {
	case t.System != "":
		return "system", t.System
	case t.Assistant != "":
		return "assistant", t.Assistant
	default:
		return "user", t.User
	}
}

// A Capability is a plain request that shows whether a model can do what an attack asks for at all. It succeeds when
// what Want computes is in the answer.
type Capability struct {
	Cases     int    `yaml:"cases" json:"cases"`
	MaxTokens int    `yaml:"maxTokens" json:"maxTokens"`
	Turns     []Turn `yaml:"turns" json:"turns"`
	Want      string `yaml:"want" json:"want"`
	// Each names a dimension of the detectors that use the capability: it is shown for every alternative by itself, and a
	// case of an alternative that the model is not capable of counts only when it fails.
	Each string `yaml:"each" json:"each,omitempty"`
}

// A Spec is one detector's part of a suite. Its templates are the cross product of Dims, of which Templates are taken,
// each Repeat times with other contents.
type Spec struct {
	ID         string         `yaml:"id" json:"id"`
	Capability string         `yaml:"capability" json:"capability"` // a key of Capabilities; perturb.char and perturb.word have their clean arm
	MaxTokens  int            `yaml:"maxTokens" json:"maxTokens"`
	Templates  int            `yaml:"templates" json:"templates"` // 0: all
	Repeat     int            `yaml:"repeat" json:"repeat"`
	Dims       map[string]Dim `yaml:"dims" json:"dims"`
	Turns      []Turn         `yaml:"turns" json:"turns"`
	// Control replaces slots in the control arm, where the payload is neutralised.
	Control map[string]string `yaml:"control" json:"control"`
	// Cycle names a slot of Data whose values are taken in turn, so that each is used.
	Cycle string `yaml:"cycle" json:"cycle"`
	// Edits are the perturbations of perturb.char, a dimension of their own.
	Edits []string `yaml:"edits" json:"edits"`
	// Stop ends an answer, of the completion profile's models for example, which go on with the next question.
	Stop []string `yaml:"stop" json:"stop,omitempty"`
	// Group names the dimension by whose alternatives the rate of failures is given too.
	Group string `yaml:"group" json:"group,omitempty"`
	// Params are settings that only this detector knows.
	Params map[string]string `yaml:"params" json:"params,omitempty"`
}

// A Dim is one dimension of a detector's templates: id of the alternative, and the slots that it fills. In a file an
// alternative may be a single text, which fills the slot named as the dimension.
type Dim map[string]map[string]string

// UnmarshalYAML reads both forms of an alternative; the text form is stored under the empty slot name.
func (d *Dim) UnmarshalYAML(node *yaml.Node) error {
	var forms map[string]yaml.Node
	if err := node.Decode(&forms); err != nil {
		return err
	}
	*d = make(Dim, len(forms))
	for id, form := range forms {
		if form.Kind == yaml.AliasNode {
			form = *form.Alias
		}
		slots := map[string]string{}
		switch {
		case form.Tag == "!!null":
			return fmt.Errorf("line %d: alternative %.40q has no text: %w", form.Line, id, hallmark.ErrInvalid)
		case form.Kind == yaml.ScalarNode:
			slots[""] = form.Value
		default:
			if err := form.Decode(&slots); err != nil {
				return err
			}
		}
		(*d)[id] = slots
	}
	return nil
}

//go:embed suites/*.yaml
var suites embed.FS

// BuiltinNames lists the embedded suites.
func BuiltinNames() []string { return []string{"chat", "completion", "tinychat"} }

// BuiltinText returns the file of the embedded suite of that name, or [hallmark.ErrNotFound].
func BuiltinText(name string) ([]byte, error) {
	raw, err := suites.ReadFile("suites/" + name + ".yaml")
	if err != nil || !slices.Contains(BuiltinNames(), name) {
		return nil, fmt.Errorf("suite %.40q: %w", name, hallmark.ErrNotFound)
	}
	return raw, nil
}

// Builtin returns the embedded suite of that name, or [hallmark.ErrNotFound].
func Builtin(name string) (*Suite, error) {
	raw, err := BuiltinText(name)
	if err != nil {
		return nil, err
	}
	return ParseSuite(raw)
}

// generalContext is the context that the general packs need: prompt and answer, with tokens of a few letters.
const generalContext = 1024

// PackFor names the embedded suite for models of a profile: the general pack of the profile, or, where the context is too
// short for its prompts, the pack of short ones. A context that is not known is 0.
func PackFor(profile string, context int) string {
	if context > 0 && context < generalContext {
		return "tinychat"
	}
	return profile
}

// maxSuite bounds a suite file, in bytes.
const maxSuite = 1 << 20

// ParseSuite reads and checks one suite file. Unknown keys, keys named twice, several documents and every reference to
// something that is not there are [hallmark.ErrInvalid].
func ParseSuite(raw []byte) (*Suite, error) { return LoadSuite(raw, nil) }

// LoadSuite is [ParseSuite] for a suite with modules, whose files open returns.
func LoadSuite(raw []byte, open func(file string) ([]byte, error)) (*Suite, error) {
	if len(raw) > maxSuite {
		return nil, fmt.Errorf("suite of %d bytes, at most %d: %w", len(raw), maxSuite, hallmark.ErrTooLarge)
	}
	if err := checkMappings(raw); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	s := new(Suite)
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("suite: %s: %w", hallmark.CleanText(err.Error(), 300), hallmark.ErrInvalid)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("suite: more than one document: %w", hallmark.ErrInvalid)
	}
	for i := range s.Detectors {
		for name, dim := range s.Detectors[i].Dims {
			for _, slots := range dim {
				if text, short := slots[""]; short {
					delete(slots, "")
					slots[name] = text
				}
			}
		}
	}
	if err := s.loadModules(open); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// maxKeys bounds each mapping of a suite: to decode one, every key is compared with every other.
const maxKeys = 4096

func checkMappings(raw []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return fmt.Errorf("suite: %s: %w", hallmark.CleanText(err.Error(), 300), hallmark.ErrInvalid)
	}
	nodes := []*yaml.Node{&document}
	for len(nodes) > 0 {
		n := nodes[len(nodes)-1]
		nodes = append(nodes[:len(nodes)-1], n.Content...)
		if n.Kind == yaml.MappingNode && len(n.Content)/2 > maxKeys {
			return fmt.Errorf("suite: line %d: a mapping of %d keys, at most %d: %w", n.Line, len(n.Content)/2, maxKeys, hallmark.ErrTooLarge)
		}
	}
	return nil
}

// Digest is the suite's identity: the SHA-256 of its canonical JSON and of the version of the judges.
func (s *Suite) Digest() (hallmark.Digest, error) {
	raw, err := hallmark.CanonicalJSON(map[string]any{"judges": JudgeVersion, "suite": s})
	if err != nil {
		return hallmark.Digest{}, fmt.Errorf("suite %s: %w", s.Name, err)
	}
	return hallmark.DigestOf(raw), nil
}

var (
	nameForm     = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,39}$`)
	slotNameForm = regexp.MustCompile(`^[a-z][a-z-]{0,29}$`)
	alphabetForm = regexp.MustCompile(`^([A-Z0-9]{16,36}|[a-z0-9]{16,36})$`)
)

// Bounds of a suite, so that a suite from outside cannot make a run endless.
const (
	maxCases  = 5000 // a detector
	maxTokens = 1024 // a completion
	maxStops  = 4
	maxAsked  = 64 << 20 // bytes of all requests of a profile
	maxUses   = 8        // profiles
)

// Check returns every problem of the suite, or nil.
func (s *Suite) Check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("suite %.40q: "+format+": %w", append([]any{s.Name}, append(args, hallmark.ErrInvalid)...)...))
	}
	if s.Schema != suiteSchema {
		bad("schema %.40q, want %s", s.Schema, suiteSchema)
	}
	if !nameForm.MatchString(s.Name) {
		bad("name must match %s", nameForm)
	}
	if !alphabetForm.MatchString(s.Alphabet) {
		bad("alphabet must match %s", alphabetForm)
	}
	if len(s.Profiles) > maxUses {
		bad("%d profiles, at most %d", len(s.Profiles), maxUses)
	}
	if s.HalfNonce != 0 && (s.HalfNonce < 4 || s.HalfNonce > 16) {
		bad("halfNonce %d is not in 4..16", s.HalfNonce)
	}
	s.checkSlots(bad)
	s.checkSynonyms(bad)
	s.checkDetectors(bad)
	if len(errs) == 0 { // only now can every text be expanded
		for _, profile := range slices.Sorted(maps.Keys(s.Profiles)) {
			if _, err := s.Cases(0, profile); err != nil {
				errs = append(errs, err)
			}
			for _, spec := range s.Detectors {
				if _, err := s.Checks(0, profile, spec.ID); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkDetectors checks the detectors' parts, and that each profile names what the suite has and what suits it.
func (s *Suite) checkDetectors(bad func(string, ...any)) {
	known := map[string]*Detector{FileUnsafe: fileUnsafe}
	for _, spec := range s.Detectors {
		d, err := s.detector(spec.ID)
		if known[spec.ID] != nil || err != nil {
			bad("detector %.40q is unknown or named twice", spec.ID)
			continue
		}
		known[spec.ID] = d
		s.checkSpec(d, spec, bad)
	}
	for profile, ids := range s.Profiles {
		for _, id := range ids {
			if d := known[id]; d == nil || !slices.Contains(d.Profiles, profile) {
				bad("profile %.40q names detector %.40q, which the suite has not or which does not suit it", profile, id)
			}
		}
	}
}

func (s *Suite) checkSlots(bad func(string, ...any)) {
	seen := map[string]bool{}
	name := func(n string) {
		if !slotNameForm.MatchString(n) || seen[n] || slices.Contains(builtinSlots, n) {
			bad("slot %.40q is malformed, reserved or named twice", n)
		}
		seen[n] = true
	}
	for n, values := range s.Wordings {
		if name(n); len(values) == 0 {
			bad("slot %q has no values", n)
		}
	}
	for n, values := range s.Data {
		if name(n); len(values) == 0 {
			bad("slot %q has no values", n)
		}
	}
	for n, r := range s.Numbers {
		if name(n); r.Min < 0 || r.Max < r.Min || r.Width < 0 || r.Width > 9 {
			bad("number %q has no values", n)
		}
	}
	for n, c := range s.Capabilities {
		if c.Cases < 1 || c.Cases > maxCases || c.MaxTokens < 1 || c.MaxTokens > maxTokens || len(c.Turns) == 0 || c.Want == "" {
			bad("capability %.40q is incomplete", n)
		}
		checkTurns(c.Turns, bad)
	}
}

func (s *Suite) checkSpec(d *Detector, spec Spec, bad func(string, ...any)) {
	if _, ok := s.Capabilities[spec.Capability]; !ok && (!d.ownControl || spec.Capability != "") {
		bad("%s: capability %.40q does not exist", spec.ID, spec.Capability)
	}
	if spec.MaxTokens > maxTokens || spec.MaxTokens < 1 && (d.Kind == Generating || d.rewords) || spec.MaxTokens < 0 ||
		spec.Repeat < 1 || spec.Repeat > maxCases || spec.Templates < 0 || spec.Templates > maxCases {
		bad("%s: maxTokens, repeat or templates is out of bounds", spec.ID)
	}
	checkProduct(spec, bad)
	each := s.Capabilities[spec.Capability].Each
	if _, ok := spec.Dims[spec.Group]; spec.Group != "" && !ok || each != "" && each != spec.Group {
		bad("%s: group %.40q is no dimension, or not the one of its capability", spec.ID, spec.Group)
	}
	if n := s.Capabilities[spec.Capability].Cases * len(spec.Dims[each]); n > maxCases {
		bad("%s: %d plain requests of capability %.40q, at most %d", spec.ID, n, spec.Capability, maxCases)
	}
	if len(spec.Turns) == 0 && (d.Kind == Generating || d.rewords) {
		bad("%s has no turns", spec.ID)
	}
	checkTurns(spec.Turns, bad)
	if len(spec.Stop) > maxStops || slices.Contains(spec.Stop, "") {
		bad("%s: %d stop texts, or an empty one", spec.ID, len(spec.Stop))
	}
	if len(spec.Edits) > 0 != d.edits {
		bad("%s: edits belong to %s, which needs them", spec.ID, PerturbChar)
	}
	for _, e := range spec.Edits {
		if !slices.Contains(editNames, e) {
			bad("%s: edit %.40q is unknown", spec.ID, e)
		}
	}
	if _, ok := s.Data[spec.Cycle]; spec.Cycle != "" && !ok {
		bad("%s: cycle %.40q is not a data slot", spec.ID, spec.Cycle)
	}
	if d.check != nil {
		if err := d.check(spec); err != nil {
			bad("%s: %w", spec.ID, err)
		}
	} else if len(spec.Params) > 0 {
		bad("%s knows no params", spec.ID)
	}
}

// onlyParams refuses settings that a detector does not know.
func onlyParams(spec Spec, known ...string) error {
	for name := range spec.Params {
		if !slices.Contains(known, name) {
			return fmt.Errorf("param %.40q is unknown, want one of %s: %w", name, strings.Join(known, ", "), hallmark.ErrInvalid)
		}
	}
	return nil
}

// checkProduct checks the dimensions, and that they do not make too many cases.
func checkProduct(spec Spec, bad func(string, ...any)) {
	product := 1
	for n, dim := range spec.Dims {
		if !nameForm.MatchString(n) || len(dim) == 0 {
			bad("%s: dimension %.40q is malformed or empty", spec.ID, n)
		}
		for id := range dim {
			if !nameForm.MatchString(id) || strings.Contains(id, ".") {
				bad("%s: alternative %.40q of %q is malformed", spec.ID, id, n)
			}
		}
		product = min(product*len(dim), 4*maxCases)
	}
	cases := product
	if spec.Templates > 0 {
		cases = min(product, spec.Templates)
	}
	if cases *= spec.Repeat * max(1, len(spec.Edits)); cases > maxCases || product >= 4*maxCases {
		bad("%s: %d cases of %d combinations, at most %d", spec.ID, cases, product, maxCases)
	}
}

func checkTurns(turns []Turn, bad func(string, ...any)) {
	for _, t := range turns {
		set := 0
		for _, text := range []string{t.System, t.User, t.Assistant} {
			if text != "" {
				set++
			}
		}
		if set != 1 {
			bad("a turn needs exactly one of system, user and assistant")
		}
	}
}
