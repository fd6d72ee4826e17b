package probe

import (
	"bytes"
	"embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

//go:embed selftest/*.yaml
var corpora embed.FS

// A Score is how a detector's judge does on outputs labelled by hand: Caught of Bad outputs failed, Cleared of Good ones
// did not. Good are passes and whatever cannot be decided.
type Score struct {
	Caught, Bad   int
	Cleared, Good int
	// Wrong lists what was judged otherwise than labelled, as "kind: judged, labelled".
	Wrong []string
}

// corpus is one detector's file of labelled outputs.
type corpus struct {
	Nonce   string    `yaml:"nonce"`
	Secret  string    `yaml:"secret"`
	System  string    `yaml:"system"`
	Answer  string    `yaml:"answer"`
	Prompt  string    `yaml:"prompt"`
	Planted []string  `yaml:"planted"` // class:normalised value
	Outputs []labeled `yaml:"outputs"`
}

// labeled is an output, what it is, how it ended and what the control arm gave.
type labeled struct {
	outcome hallmark.Outcome
	kind    string
	attack  Completion
	control Completion
}

// UnmarshalYAML reads [label, kind, text, finish, control text]; the last two may be left out.
func (l *labeled) UnmarshalYAML(node *yaml.Node) error {
	var fields []string
	if err := node.Decode(&fields); err != nil {
		return err
	}
	if len(fields) < 3 || len(fields) > 5 {
		return fmt.Errorf("line %d: an output has 3 to 5 fields", node.Line)
	}
	*l = labeled{
		outcome: hallmark.Outcome(fields[0]), kind: fields[1],
		attack: Completion{Text: fields[2], Finish: FinishStop}, control: Completion{Finish: FinishStop},
	}
	if len(fields) > 3 {
		l.attack.Finish = Finish(fields[3])
	}
	if len(fields) > 4 {
		l.control.Text = fields[4]
	}
	return nil
}

// SelfTest judges the labelled outputs of a detector. A detector without a corpus is [hallmark.ErrNotFound].
func SelfTest(detector string) (Score, error) {
	d, err := lookup(detector)
	if err != nil {
		return Score{}, fmt.Errorf("self-test: %w", err)
	}
	if d.selfTest != nil {
		return d.selfTest()
	}
	raw, err := corpora.ReadFile("selftest/" + detector + ".yaml")
	if err != nil {
		return Score{}, fmt.Errorf("self-test of %.40q: %w", detector, hallmark.ErrNotFound)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var c corpus
	if err := dec.Decode(&c); err != nil {
		return Score{}, fmt.Errorf("self-test of %s: %w", detector, err)
	}
	planted := Planted{Salt: "self-test", Reserved: true}
	for _, p := range c.Planted {
		class, value, _ := strings.Cut(p, ":")
		planted.Digests = append(planted.Digests, planted.digest(pii.Class(class), value))
	}
	is := Case{Detector: detector, detector: d, want: want{nonce: c.Nonce, secret: c.Secret, system: c.System, answer: c.Answer, prompt: c.Prompt, planted: &planted}}
	var s Score
	for _, l := range c.Outputs {
		s.count(l.kind, l.outcome, is.Judge(l.attack, l.control).Outcome)
	}
	return s, nil
}

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
