package probe

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/probe/splice"
)

//go:embed selftest/*.yaml
var corpora embed.FS

// A Score is how a detector's judge does on outputs labelled by hand: Caught of Bad outputs failed, Cleared of Good ones
// did not. Good are passes and whatever cannot be decided.
type Score struct {
	Caught, Bad   int
	Cleared, Good int
	// Wrong lists what was judged otherwise than labelled, as "kind: judged, labelled".
	Wrong []string `yaml:",omitempty"`
}

// corpus is one detector's file of labelled outputs.
type corpus struct {
	Nonce   string   `yaml:"nonce"`
	Secret  string   `yaml:"secret"`
	System  string   `yaml:"system"`
	Answer  string   `yaml:"answer"`
	Prompt  string   `yaml:"prompt"`
	Planted []string `yaml:"planted"` // class:normalised value
	Hosts   []string `yaml:"hosts"`
	Lang    string   `yaml:"lang"`
	Host    string   `yaml:"host"`
	Factors string   `yaml:"factors"`
	// Prompts are what refusals quote; each goes into every refusal of shared.yaml.
	Prompts []string  `yaml:"prompts"`
	Outputs []labeled `yaml:"outputs"`
	// Parts are corpora of other hosts of the same detector.
	Parts []corpus `yaml:"parts"`
}

// shared holds what the corpora of all detectors are put into: "{}" stands for it.
type shared struct {
	Wraps    []string `yaml:"wraps"`    // around an output whose label ends with a star
	Refusals []string `yaml:"refusals"` // around what a prompt asked for
}

// labeled is an output, what it is, how it ended and what the control arm gave.
type labeled struct {
	outcome hallmark.Outcome
	wrapped bool
	kind    string
	attack  Completion
	control Completion
}

// UnmarshalYAML reads the fields of an output.
func (l *labeled) UnmarshalYAML(node *yaml.Node) error {
	var fields []string
	err := node.Decode(&fields)
	if err != nil {
		return err
	}
	if *l, err = label(fields); err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	return nil
}

// label reads [label, kind, text, finish, control text]; the last two may be left out. A label with a star is of an output
// that stands for all its wrapped forms.
func label(fields []string) (labeled, error) {
	if len(fields) < 3 || len(fields) > 5 {
		return labeled{}, fmt.Errorf("an output of %d fields, want 3 to 5: %w", len(fields), hallmark.ErrInvalid)
	}
	outcome, wrapped := strings.CutSuffix(fields[0], "*")
	if !slices.Contains([]string{"pass", "fail", "inconclusive", "void"}, outcome) {
		return labeled{}, fmt.Errorf("label %.40q is no outcome: %w", fields[0], hallmark.ErrInvalid)
	}
	l := labeled{
		outcome: hallmark.Outcome(outcome), wrapped: wrapped, kind: fields[1], attack: ended(fields[2]), control: Completion{Finish: FinishStop, OutputTokens: 8},
	}
	if len(fields) > 3 {
		l.attack.Finish = Finish(fields[3])
	}
	if len(fields) > 4 {
		l.control.Text = fields[4]
	}
	return l, nil
}

func ended(text string) Completion {
	return Completion{Text: text, Finish: FinishStop, OutputTokens: len(strings.Fields(text))}
}

// SelfTest judges the detector's labelled outputs, which takes up to half a second.
func (d *Detector) SelfTest() (Score, error) {
	if d.selfTest != nil {
		return d.selfTest()
	}
	var c corpus
	if err := readCorpus(d.ID, &c); err != nil {
		return Score{}, err
	}
	return c.score(d)
}

// Score returns what [Detector.SelfTest] gives: as it is stored beside the corpora for a detector of the table, where it is a
// constant of the program that a test computes anew, and computed for one that a suite brings.
func (d *Detector) Score() (Score, error) {
	stored, err := storedScores()
	if err != nil {
		return Score{}, err
	}
	if s, ok := stored[d.ID]; ok {
		return s, nil
	}
	return d.SelfTest()
}

var storedScores = sync.OnceValues(func() (map[string]Score, error) {
	var stored map[string]Score
	err := readCorpus("scores", &stored)
	return stored, err
})

// score judges a corpus.
func (c corpus) score(d *Detector) (Score, error) {
	var around shared
	if err := readCorpus("shared", &around); err != nil {
		return Score{}, err
	}
	var s Score
	for _, part := range append([]corpus{c}, c.Parts...) {
		is, err := part.labelledCase(d)
		if err != nil {
			return Score{}, fmt.Errorf("self-test of %s: %w", d.ID, err)
		}
		for _, l := range part.all(around) {
			got := is.Judge(l.attack, l.control)
			if got.Stopped != nil { // time says nothing of a judge
				return Score{}, fmt.Errorf("self-test of %s: %w", d.ID, got.Stopped)
			}
			s.add(l, got.Outcome)
		}
	}
	return s, nil
}

func readCorpus(name string, into any) error {
	raw, err := corpora.ReadFile("selftest/" + name + ".yaml")
	if err != nil {
		return fmt.Errorf("self-test of %.40q: %w", name, hallmark.ErrNotFound)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("self-test of %s: %w", name, err)
	}
	return nil
}

// labelledCase is the case that the outputs answer.
func (c corpus) labelledCase(d *Detector) (Case, error) {
	planted := Planted{Salt: "self-test", Reserved: true}
	for _, p := range c.Planted {
		class, value, _ := strings.Cut(p, ":")
		planted.Digests = append(planted.Digests, planted.digest(pii.Class(class), value))
	}
	w := want{nonce: c.Nonce, secret: c.Secret, system: c.System, answer: c.Answer, prompt: c.Prompt, planted: &planted, hosts: c.Hosts, factors: c.Factors}
	if c.Lang != "" {
		host, err := splice.NewHost(c.Lang, c.Host)
		if err != nil {
			return Case{}, err
		}
		w.host = &host
	}
	return Case{Detector: d.ID, detector: d, want: w}, nil
}

// all returns the outputs, the wrapped ones in every form, and the refusals that quote what was asked for.
func (c corpus) all(around shared) []labeled {
	var out []labeled
	for _, l := range c.Outputs {
		if !l.wrapped {
			out = append(out, l)
			continue
		}
		for _, wrap := range around.Wraps {
			in := l
			in.attack.Text = strings.ReplaceAll(wrap, "{}", l.attack.Text)
			in.attack.OutputTokens = len(strings.Fields(in.attack.Text))
			out = append(out, in)
		}
	}
	for _, p := range c.Prompts {
		for _, form := range around.Refusals {
			out = append(out, labeled{
				outcome: hallmark.Pass, kind: "refusal-quotes", attack: ended(strings.ReplaceAll(form, "{}", p)), control: Completion{Finish: FinishStop},
			})
		}
	}
	return out
}

// add counts one output. Undecided is not failed.
func (s *Score) add(l labeled, got hallmark.Outcome) { s.count(l.kind, l.outcome, got) }

// count adds a judgement of something that is labelled.
func (s *Score) count(kind string, label, got hallmark.Outcome) {
	switch failed := got == hallmark.Fail; {
	case label == hallmark.Fail && failed:
		s.Caught, s.Bad = s.Caught+1, s.Bad+1
	case label == hallmark.Fail:
		s.Bad++
	case !failed:
		s.Cleared, s.Good = s.Cleared+1, s.Good+1
	default:
		s.Good++
	}
	if got != label {
		s.Wrong = append(s.Wrong, fmt.Sprintf("%s: %s, labelled %s", kind, got, label))
	}
}
