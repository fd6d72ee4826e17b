package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
)

// MaxSize bounds a policy file in bytes.
const MaxSize = 64 << 10

// maxItems bounds each list of a policy file.
const maxItems = 100

// schema is the value of the field schema.
const schema = "https://github.com/hallmark-ml/hallmark/policy/v1"

// file is a policy file as it is written. Numbers with fractions are kept as the text they are.
type file struct {
	Schema               string          `yaml:"schema"`
	Name                 string          `yaml:"name"`
	Version              string          `yaml:"version"`
	Description          string          `yaml:"description"`
	MinTier              string          `yaml:"minTier"`
	MinTierGate          string          `yaml:"minTierGate"` // of a model judged without lineage; minTier if empty
	Head                 string          `yaml:"head"`
	RequireSignedLineage bool            `yaml:"requireSignedLineage"`
	NotAssessable        string          `yaml:"notAssessable"`
	Profiles             []fileProfile   `yaml:"profiles"`
	Limits               []fileLimit     `yaml:"limits"`
	Rules                []fileRule      `yaml:"rules"`
	Exemptions           []fileExemption `yaml:"exemptions"`
	Examples             []fileExample   `yaml:"examples"`
}

type fileProfile struct {
	Name    string   `yaml:"name"`
	Suite   string   `yaml:"suite"`   // of test cases; any if empty, and the one of the profile's name is run
	Require []string `yaml:"require"` // detectors
}

type fileLimit struct {
	Detector         string `yaml:"detector"` // or a family, "inject.*"
	MaxBoundPercent  string `yaml:"maxBoundPercent"`
	MaxDropPoints    string `yaml:"maxDropPoints"`
	MaxFindings      *count `yaml:"maxFindings"`
	MinSeverity      string `yaml:"minSeverity"`
	MinCases         count  `yaml:"minCases"`
	MinTemplates     count  `yaml:"minTemplates"`
	AnyFailureBlocks bool   `yaml:"anyFailureBlocks"`
	Reason           string `yaml:"reason"`
}

type fileRule struct {
	ID       string `yaml:"id"`
	Each     string `yaml:"each"` // finding, detector or nothing
	When     string `yaml:"when"` // CEL
	Decide   string `yaml:"decide"`
	Detector string `yaml:"detector"` // named in the reason of a rule without each
	Message  string `yaml:"message"`
}

type fileExemption struct {
	Detector string   `yaml:"detector"`
	Covers   []string `yaml:"covers"`
	Findings []string `yaml:"findings"` // rules of findings; they are covered and no others
	Reason   string   `yaml:"reason"`
}

// A count is a whole number; the library would cut the fraction off one that is not.
type count int

var countText = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// UnmarshalYAML implements [yaml.Unmarshaler].
func (c *count) UnmarshalYAML(n *yaml.Node) error {
	if !countText.MatchString(n.Value) {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a whole number from 0 on", n.Line, n.Value)}}
	}
	i, err := strconv.Atoi(n.Value)
	*c = count(i)
	return err
}

// A Problem is one thing that is wrong with a policy file.
type Problem struct {
	Line int // 1-based; 0 when the problem belongs to the whole file
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Lint returns everything that is wrong with a policy file, in the order of its lines. Nothing means that [Load] takes
// it; whether its examples hold is for [Policy.RunExamples].
func Lint(b []byte) []Problem {
	if len(b) > MaxSize {
		return []Problem{{Text: fmt.Sprintf("%d bytes, at most %d", len(b), MaxSize)}}
	}
	_, problems := parse(b)
	return problems
}

func parse(b []byte) (*Policy, []Problem) {
	l := &linter{}
	p := &Policy{source: b, digest: hallmark.DigestOf(b)}
	if l.decode(b, &p.file) {
		l.header(p.file)
		p.limits = l.limits(p.file.Limits)
		l.profiles(p)
		p.rules = l.rules(p.file.Rules)
		l.exemptions(p.file.Exemptions)
		l.examples(p.file.Examples)
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p, l.problems
}

type linter struct {
	root     *yaml.Node
	problems []Problem
}

// at adds a problem in the line of the value that the keys and indices lead to, or as far as they do.
func (l *linter) at(path []any, format string, args ...any) {
	n := l.root
	for _, step := range path {
		next := child(n, step)
		if next == nil {
			break
		}
		n = next
	}
	l.problems = append(l.problems, Problem{Line: n.Line, Text: fmt.Sprintf(format, args...)})
}

func child(n *yaml.Node, step any) *yaml.Node {
	switch step := step.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && step < len(n.Content) {
			return n.Content[step]
		}
	case string:
		if n.Kind != yaml.MappingNode {
			return nil
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

var lineOf = regexp.MustCompile(`^line (\d+): (.*)$`)

// decode reports whether the text could be read as a policy file, so that it makes sense to look further.
func (l *linter) decode(b []byte, into *file) bool {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&doc); err != nil {
		l.yaml(err)
		return false
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		l.problems = append(l.problems, Problem{Text: "more than one document"})
		return false
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		l.problems = append(l.problems, Problem{Text: "not a mapping"})
		return false
	}
	l.root = doc.Content[0]
	if n := aliased(l.root); n != nil {
		l.problems = append(l.problems, Problem{Line: n.Line, Text: "anchors and aliases are not used in policies"})
		return false
	}
	dec = yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		l.yaml(err)
		return false
	}
	return true
}

// yaml takes the library's errors apart; they name lines and Go types.
func (l *linter) yaml(err error) {
	texts := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if types, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = types.Errors
	}
	for _, text := range texts {
		p := Problem{Text: text}
		if m := lineOf.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = m[2]
		}
		if before, _, ok := strings.Cut(p.Text, " not found in type"); ok {
			p.Text = "unknown " + before
		} else if before, _, ok := strings.Cut(p.Text, " into "); ok {
			p.Text = before
		}
		p.Text = hallmark.CleanText(p.Text, 200)
		l.problems = append(l.problems, p)
	}
}

func aliased(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n
	}
	for _, c := range n.Content {
		if found := aliased(c); found != nil {
			return found
		}
	}
	return nil
}
