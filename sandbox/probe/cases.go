package probe

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe/splice"
)

// Profiles of use.
const (
	ProfileChat       = "chat"       // prompts go through the chat template
	ProfileCompletion = "completion" // prompts are plain text
)

// A Case is one question to a model and what its answer is judged by.
type Case struct {
	ID       string // stable text: detector, template, number
	Detector string
	Template string
	// Group is the alternative of the dimension that the suite groups the detector's cases by.
	Group   string
	Request GenerateRequest
	// Control is the control arm: the same case with its payload neutralised, or, for perturb.char, not perturbed.
	Control GenerateRequest
	// Slots and Params are what the case's template and the suite set, for measuring detectors.
	Slots  map[string]string
	Params map[string]string

	detector *Detector
	want     want
	order    [sha256.Size]byte // place in a run
	end      string            // of a prompt of the completion profile

	// perturb.word: the last message, what of it can be replaced, and how many words it has.
	question string
	places   []place
	words    int
}

// want is what a judge compares an answer with.
type want struct {
	nonce   string // inject.*, out.render: in the answer of a model that obeyed
	secret  string // inject.sysprompt
	system  string // inject.sysprompt: the whole system prompt
	answer  string // perturb.char
	prompt  string // leak.scan: what stands here is no leak
	planted *Planted
	hosts   []string     // out.exfil: where addresses may lead to
	host    *splice.Host // out.interp
	factors string       // out.interp: two numbers that the payload multiplies
}

// Arrange puts cases into the order in which they are best asked: those whose prompts begin alike after one another, so that
// a model computes these beginnings once. It changes no outcome.
func Arrange(cases []Case) {
	slices.SortStableFunc(cases, func(a, b Case) int { return compareRequests(a.Request, b.Request) })
}

func compareRequests(a, b GenerateRequest) int {
	messages := slices.CompareFunc(a.Messages, b.Messages, func(a, b Message) int {
		return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Content, b.Content))
	})
	return cmp.Or(messages, strings.Compare(a.Prompt, b.Prompt))
}

// A Check is one plain request of a capability control.
type Check struct {
	ID      string
	Group   string // that it is the control of; empty for all
	Request GenerateRequest
	want    want
	whole   bool // the answer has to be what is wanted, not only to hold it
}

// Passed judges the answer to the request. Markup may be written raw or escaped: both show that the model can write it.
func (c Check) Passed(got Completion) bool {
	if c.whole {
		return answers(got.Text, c.want)
	}
	wanted := fold(c.want.answer)
	return strings.Contains(fold(got.Text), wanted) || strings.Contains(fold(html.UnescapeString(got.Text)), wanted)
}

// Applies reports whether the profile asks for the detector.
func (s *Suite) Applies(profile, detector string) bool {
	return slices.Contains(s.Profiles[profile], detector)
}

// Cases returns the cases of all generating detectors of the profile in the seeded order of a run. What a case asks
// depends on the suite, the seed and its id. A profile that the suite has not is [hallmark.ErrNotFound].
func (s *Suite) Cases(seed uint64, profile string) ([]Case, error) {
	if _, ok := s.Profiles[profile]; !ok {
		return nil, hallmark.WithHint(fmt.Errorf("suite %s: profile %.40q: %w", s.Name, profile, hallmark.ErrNotFound),
			"name one of its profiles: "+strings.Join(s.ProfileNames(), ", "))
	}
	var all []Case
	left := maxAsked
	for i := range s.Detectors {
		if !s.Applies(profile, s.Detectors[i].ID) {
			continue
		}
		cases, err := s.specCases(&s.Detectors[i], seed, profile, &left)
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	for i := range all {
		all[i].order = draw(seed, all[i].ID, "order")
	}
	slices.SortFunc(all, func(a, b Case) int { return bytes.Compare(a.order[:], b.order[:]) })
	return all, nil
}

// All returns the table of detectors and those of the suite's modules.
func (s *Suite) All() []*Detector { return append(Detectors(), s.own...) }

// Severity is how bad a failure of a detector by a rule is; of a detector that the suite has not it is high.
func (s *Suite) Severity(detector, rule string) hallmark.Severity {
	d, err := s.detector(detector)
	if err != nil {
		return hallmark.SeverityHigh
	}
	return d.SeverityOf(rule)
}

// detector returns the detector of that id: of the table, or one of the suite's own.
func (s *Suite) detector(id string) (*Detector, error) {
	if i := slices.IndexFunc(s.own, func(d *Detector) bool { return d.ID == id }); i >= 0 {
		return s.own[i], nil
	}
	return lookup(id)
}

// ProfileNames lists the uses of a model that the suite has tests for.
func (s *Suite) ProfileNames() []string { return slices.Sorted(maps.Keys(s.Profiles)) }

func (s *Suite) index(detector string) int {
	return slices.IndexFunc(s.Detectors, func(spec Spec) bool { return spec.ID == detector })
}

// HasCapability reports whether plain requests show if the detector can be assessed on a model.
func (s *Suite) HasCapability(detector string) bool {
	i := s.index(detector)
	if i < 0 {
		return false
	}
	spec := s.Detectors[i]
	return spec.Capability != "" || len(spec.Edits) > 0 || spec.ID == PerturbWord
}

// Checks returns the plain requests of a detector's capability control: those that the suite names for it, or, for
// perturb.char and perturb.word, its questions as they are.
func (s *Suite) Checks(seed uint64, profile, detector string) ([]Check, error) {
	i := s.index(detector)
	switch {
	case !s.HasCapability(detector):
		return nil, nil
	case s.Detectors[i].Capability == "":
		return s.cleanChecks(&s.Detectors[i], seed, profile)
	}
	name, left := s.Detectors[i].Capability, maxAsked
	capability := s.Capabilities[name]
	if capability.Each == "" {
		return s.checks(seed, profile, capability, &filler{suite: s, seed: seed, key: "capability/" + name}, &left)
	}
	var all []Check
	alternatives := s.Detectors[i].Dims[capability.Each]
	for _, group := range slices.Sorted(maps.Keys(alternatives)) {
		checks, err := s.checks(seed, profile, capability, &filler{suite: s, seed: seed, key: "capability/" + name + "/" + group, slots: alternatives[group]}, &left)
		if err != nil {
			return nil, err
		}
		for n := range checks {
			checks[n].Group = group
		}
		all = append(all, checks...)
	}
	return all, nil
}

// checks makes the requests of one capability; f has their common key and slots.
func (s *Suite) checks(seed uint64, profile string, capability Capability, f *filler, left *int) ([]Check, error) {
	checks := make([]Check, capability.Cases)
	for n := range checks {
		id := fmt.Sprintf("%s/%02d", f.key, n)
		one := &filler{suite: s, seed: seed, key: id, slots: f.slots}
		messages, _, err := one.messages(capability.Turns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		answer, err := one.answer(capability.Want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		checks[n] = Check{ID: id, Request: s.fit(profile, GenerateRequest{Messages: messages, MaxTokens: capability.MaxTokens}), want: want{answer: answer}}
		if err := take(left, checks[n].Request); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return checks, nil
}

// cleanChecks returns each unedited question once.
func (s *Suite) cleanChecks(spec *Spec, seed uint64, profile string) ([]Check, error) {
	left := maxAsked
	cases, err := s.specCases(spec, seed, profile, &left)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for i := 0; i < len(cases); i += max(1, len(spec.Edits)) { // the edits of one question follow one another
		checks = append(checks, Check{ID: cases[i].ID, Request: cases[i].Control, want: cases[i].want, whole: true})
	}
	return checks, nil
}

// A template is one combination of the alternatives of a detector's dimensions.
type template struct {
	id    string
	slots map[string]string
	group string // the alternative of the dimension that cases are grouped by
}

// templates returns the combinations that the suite takes of the cross product: those whose ids hash lowest, so that a
// wording added later changes few of the others.
func (spec *Spec) templates() []template {
	all := []template{{slots: map[string]string{}}}
	for _, name := range slices.Sorted(maps.Keys(spec.Dims)) {
		var next []template
		for _, t := range all {
			for _, id := range slices.Sorted(maps.Keys(spec.Dims[name])) {
				slots := maps.Clone(t.slots)
				maps.Copy(slots, spec.Dims[name][id])
				made := template{id: strings.TrimPrefix(t.id+"."+id, "."), slots: slots, group: t.group}
				if name == spec.Group {
					made.group = id
				}
				next = append(next, made)
			}
		}
		all = next
	}
	if spec.Templates > 0 && spec.Templates < len(all) {
		slices.SortFunc(all, func(a, b template) int {
			x, y := hallmark.DigestOf([]byte(spec.ID+a.id)), hallmark.DigestOf([]byte(spec.ID+b.id))
			return bytes.Compare(x[:], y[:])
		})
		all = all[:spec.Templates]
		slices.SortFunc(all, func(a, b template) int { return strings.Compare(a.id, b.id) })
	}
	return all
}

// specCases returns the cases of one detector. It takes what they ask from left, the bytes that requests may still have.
func (s *Suite) specCases(spec *Spec, seed uint64, profile string, left *int) ([]Case, error) {
	edits := spec.Edits
	if len(edits) == 0 {
		edits = []string{""}
	}
	var cases []Case
	for t, tmpl := range spec.templates() {
		for rep := range spec.Repeat {
			// Cases that differ in their edit alone share contents, and so one clean run.
			f := &filler{
				suite: s, seed: seed, key: fmt.Sprintf("%s/%s/%02d", spec.ID, tmpl.id, rep),
				slots: tmpl.slots, cycle: spec.Cycle, ordinal: t*spec.Repeat + rep,
			}
			for _, edit := range edits {
				c, err := f.build(spec, tmpl.id, edit, rep)
				if err != nil {
					return nil, err
				}
				c.Group, c.end = tmpl.group, s.end()
				c.Request, c.Control = s.fit(profile, c.Request), s.fit(profile, c.Control)
				if err := take(left, c.Request, c.Control); err != nil {
					return nil, fmt.Errorf("%s: %w", c.ID, err)
				}
				cases = append(cases, c)
			}
		}
	}
	return cases, nil
}

// take counts the texts of requests.
func take(left *int, requests ...GenerateRequest) error {
	for _, r := range requests {
		*left -= len(r.Prompt)
		for _, m := range r.Messages {
			*left -= len(m.Content)
		}
	}
	if *left < 0 {
		return fmt.Errorf("requests of more than %d bytes in all: %w", maxAsked, hallmark.ErrTooLarge)
	}
	return nil
}

// build makes the case of one template, edit and repetition.
func (f *filler) build(spec *Spec, tmpl, edited string, rep int) (Case, error) {
	if edited != "" {
		tmpl = strings.TrimPrefix(tmpl+"."+edited, ".")
	}
	d, err := f.suite.detector(spec.ID)
	if err != nil {
		return Case{}, err
	}
	c := Case{
		ID: fmt.Sprintf("%s/%s/%02d", spec.ID, tmpl, rep), Detector: spec.ID, Template: tmpl, Slots: f.slots, Params: spec.Params, detector: d,
	}
	if len(spec.Turns) == 0 { // a measuring detector that asks nothing
		return c, nil
	}
	messages, last, err := f.messages(spec.Turns)
	if err != nil {
		return Case{}, fmt.Errorf("%s: %w", c.ID, err)
	}
	if edited == "" {
		f.override = spec.Control
		control, _, err := f.messages(spec.Turns)
		f.override = nil
		if err != nil {
			return Case{}, fmt.Errorf("%s, control: %w", c.ID, err)
		}
		c.Control = GenerateRequest{Messages: control, MaxTokens: spec.MaxTokens}
	} else {
		c.Control = GenerateRequest{Messages: slices.Clone(messages), MaxTokens: spec.MaxTokens}
		text, err := edit(last, edited, f.seed, c.ID)
		if err != nil {
			return Case{}, err
		}
		messages[len(messages)-1].Content = text
	}
	c.Request = GenerateRequest{Messages: messages, MaxTokens: spec.MaxTokens}
	c.Request.Stop, c.Control.Stop = spec.Stop, spec.Stop
	if d.rewords {
		if err := c.reword(f.suite, last); err != nil {
			return Case{}, fmt.Errorf("%s: %w", c.ID, err)
		}
	}
	if c.want, err = f.want(d, spec.Params, messages); err != nil {
		return Case{}, fmt.Errorf("%s: %w", c.ID, err)
	}
	return c, nil
}

// messages expands the turns; it also returns the pieces of the last one.
func (f *filler) messages(turns []Turn) ([]Message, []piece, error) {
	var messages []Message
	var last []piece
	for _, t := range turns {
		role, text := t.message()
		pieces, err := f.expand(text, "", 0)
		if err != nil {
			return nil, nil, err
		}
		if content := joinPieces(pieces); content != "" {
			messages, last = append(messages, Message{Role: role, Content: content}), pieces
		}
	}
	if len(messages) == 0 || messages[len(messages)-1].Role != "user" {
		return nil, nil, fmt.Errorf("suite %s: the last turn is not the user's: %w", f.suite.Name, hallmark.ErrInvalid)
	}
	return messages, last, nil
}

// fit gives a request the form of the profile: a completion model gets the texts of a chat as one prompt.
func (s *Suite) fit(profile string, req GenerateRequest) GenerateRequest {
	if profile != ProfileCompletion {
		return req
	}
	texts := make([]string, len(req.Messages))
	for i, m := range req.Messages {
		texts[i] = m.Content
	}
	return GenerateRequest{Prompt: strings.Join(texts, "\n") + s.end(), MaxTokens: req.MaxTokens, Stop: req.Stop}
}

// end is what ends a prompt of the completion profile.
func (s *Suite) end() string {
	if s.Continue {
		return ""
	}
	return "\n"
}

// want fills in what the detector's judge compares with.
func (f *filler) want(d *Detector, params map[string]string, messages []Message) (want, error) {
	var w want
	var prompt strings.Builder
	for _, m := range messages {
		prompt.WriteString(m.Content + "\n")
	}
	w.prompt = prompt.String()
	w.hosts = strings.Fields(params["hosts"])
	if d.want == nil {
		return w, nil
	}
	if err := d.want(f, &w, messages); err != nil {
		return want{}, err
	}
	return w, nil
}

// wantJoined: both halves joined, or what the template's slot "nonce" says, which no prompt holds.
func wantJoined(f *filler, w *want, _ []Message) error {
	w.nonce, _ = f.builtin("joined", "")
	if text := f.slots["nonce"]; text != "" {
		var err error
		if w.nonce, err = f.text(text); err != nil {
			return err
		}
	}
	if strings.Contains(fold(w.prompt), fold(w.nonce)) {
		return fmt.Errorf("the prompt holds the nonce of a success: %w", hallmark.ErrInvalid)
	}
	return nil
}

var errNoSecret = fmt.Errorf("the chat holds no secret: %w", hallmark.ErrInvalid)

func wantSecret(f *filler, w *want, messages []Message) error {
	w.secret, _ = f.builtin("secret", "secret")
	if messages[0].Role != "system" || !strings.Contains(messages[0].Content, w.secret) {
		return errNoSecret
	}
	w.system = messages[0].Content
	return nil
}

func wantMark(f *filler, w *want, _ []Message) error {
	w.nonce, _ = f.builtin("mark", "mark")
	return nil
}

func wantPlanted(f *filler, w *want, _ []Message) error {
	w.planted = &f.suite.Planted
	return nil
}

func wantAnswer(f *filler, w *want, _ []Message) error {
	var err error
	w.answer, err = f.answer(f.slots["gold"])
	return err
}

// answer computes a right answer: an operation and the slots that it works on.
func (f *filler) answer(gold string) (string, error) {
	words := strings.Fields(gold)
	if len(words) < 2 {
		return "", fmt.Errorf("answer %.60q: %w", gold, hallmark.ErrInvalid)
	}
	op, table := words[0], ""
	if op == "lookup" {
		table, words = words[1], words[1:]
	}
	args := make([]string, len(words)-1)
	nums := make([]int, len(args))
	for i, slot := range words[1:] {
		text, err := f.text("{" + slot + "}")
		if err != nil {
			return "", err
		}
		args[i] = text
		nums[i], _ = strconv.Atoi(text) // zero where it is no number: only words are asked for then
	}
	switch {
	case op == "copy" && len(args) == 1:
		return args[0], nil
	case op == "upper" && len(args) == 1:
		return strings.ToUpper(args[0]), nil
	case op == "lookup" && len(args) == 1:
		if answer, ok := f.suite.Tables[table][args[0]]; ok {
			return answer, nil
		}
	case op == "tag" && len(args) == 1:
		return "<" + args[0] + ">", nil
	case op == "concat" && len(args) == 2:
		return args[0] + args[1], nil
	case op == "sum" && len(args) == 2:
		return strconv.Itoa(nums[0] + nums[1]), nil
	case op == "difference" && len(args) == 2:
		return strconv.Itoa(nums[0] - nums[1]), nil
	case op == "greater" && len(args) == 2:
		if nums[0] > nums[1] {
			return "yes", nil
		}
		return "no", nil
	}
	return "", fmt.Errorf("answer %.60q: %w", gold, hallmark.ErrInvalid)
}

// SeedFor derives the seed of a run that was given none, so that the same model and suite always run alike. Of the suite it
// takes the name and not the digest: a release that changes one detector leaves the cases of the others as they were, and what
// they found can be compared with earlier runs.
func SeedFor(model hallmark.Digest, suite string) uint64 {
	d := hallmark.DigestOf(append(append([]byte("hallmark.seed\x00"), model[:]...), suite...))
	return binary.LittleEndian.Uint64(d[:])
}
