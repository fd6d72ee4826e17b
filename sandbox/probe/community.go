package probe

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe/module"
)

// A Module is a detector that a suite brings along: its cases are the suite's, its judge is a WebAssembly module, see
// package module.
type Module struct {
	ID       string            `yaml:"id" json:"id"`         // "x." and a name
	File     string            `yaml:"file" json:"file"`     // in the suite's directory
	SHA256   string            `yaml:"sha256" json:"sha256"` // of the file, hexadecimal
	Goal     string            `yaml:"goal" json:"goal"`
	LLM      []string          `yaml:"owasp" json:"owasp"`
	CWE      []string          `yaml:"cwe" json:"cwe"`
	Profiles []string          `yaml:"profiles" json:"profiles"`
	Severity hallmark.Severity `yaml:"severity" json:"severity"`
	// Prompts and Outputs are the corpus that the judge is tested with: what refusals quote, and labelled outputs in the
	// form of the files in selftest.
	Prompts []string   `yaml:"prompts" json:"prompts"`
	Outputs [][]string `yaml:"outputs" json:"outputs"`
}

// RuleModule is the rule of a case whose judge broke.
const RuleModule = "module-failed"

// Bounds of a suite: its modules, and what each is tested with.
const (
	maxModules  = 16
	maxLabelled = 1000

	selfTestLimit = 10 * time.Minute // of a module's whole corpus: each judgement may take seconds
)

var (
	moduleID  = regexp.MustCompile(`^x\.[a-z][a-z0-9-]{0,36}$`)
	owaspForm = regexp.MustCompile(`^LLM(0[1-9]|10):20[0-9]{2}$`)
	cweForm   = regexp.MustCompile(`^CWE-[1-9][0-9]{0,4}$`)
)

// loadModules compiles the suite's judges.
func (s *Suite) loadModules(open func(file string) ([]byte, error)) error {
	if len(s.Modules) > maxModules {
		return fmt.Errorf("suite %.40q: %d modules, at most %d: %w", s.Name, len(s.Modules), maxModules, hallmark.ErrTooLarge)
	}
	for _, m := range s.Modules {
		d, err := m.load(open)
		if err != nil {
			return fmt.Errorf("suite %.40q: module %.40q: %w", s.Name, m.ID, err)
		}
		if slices.ContainsFunc(s.own, func(other *Detector) bool { return other.ID == d.ID }) {
			return fmt.Errorf("suite %.40q: module %.40q is named twice: %w", s.Name, m.ID, hallmark.ErrInvalid)
		}
		s.own = append(s.own, d)
	}
	return nil
}

// load checks the declaration, reads the file, and makes the detector.
func (m Module) load(open func(file string) ([]byte, error)) (*Detector, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if open == nil {
		return nil, fmt.Errorf("%s cannot be read here: %w", m.File, hallmark.ErrInvalid)
	}
	code, err := open(m.File)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", m.File, err)
	}
	if got := hallmark.DigestOf(code).Hex(); got != m.SHA256 {
		return nil, fmt.Errorf("%s hashes to %s, the suite says %.64s: %w", m.File, got, m.SHA256, hallmark.ErrDigest)
	}
	judge, err := module.Load(context.Background(), code) //nolint:forbidigo // compiling ends by itself, and a suite is read without a context
	if err != nil {
		return nil, err
	}
	d := &Detector{
		ID: m.ID, Kind: Generating, Goal: m.Goal, Tier: TierFull, LLM: m.LLM, CWE: m.CWE, Profiles: m.Profiles, Severity: m.Severity,
		want:  func(f *filler, w *want, _ []Message) error { w.nonce, _ = f.builtin("joined", ""); return nil },
		judge: func(w want, attack, control Completion) Judgement { return askModule(judge, w, attack, control) },
	}
	d.selfTest = func() (Score, error) { return m.score(d, selfTestLimit) }
	return d, nil
}

func (m Module) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(format+": %w", append(args, hallmark.ErrInvalid)...))
	}
	if !moduleID.MatchString(m.ID) {
		bad("id must match %s", moduleID)
	}
	if m.File == "" || path.Base(m.File) != m.File || strings.ContainsAny(m.File, `\:`) || strings.HasPrefix(m.File, ".") {
		bad("file %.80q is no plain name", m.File)
	}
	if m.Goal == "" || len(m.Profiles) == 0 {
		bad("goal or profiles are missing")
	}
	if !slices.Contains([]hallmark.Severity{hallmark.SeverityInfo, hallmark.SeverityMedium, hallmark.SeverityHigh, hallmark.SeverityCritical}, m.Severity) {
		bad("severity %.40q is none", m.Severity)
	}
	if len(m.LLM) == 0 || slices.ContainsFunc(m.LLM, func(tag string) bool { return !owaspForm.MatchString(tag) }) {
		bad("owasp %.80q: want ids of the OWASP Top 10 for LLM applications, such as LLM01:2025", strings.Join(m.LLM, " "))
	}
	if len(m.CWE) == 0 || slices.ContainsFunc(m.CWE, func(tag string) bool { return !cweForm.MatchString(tag) }) {
		bad("cwe %.80q: want ids such as CWE-79", strings.Join(m.CWE, " "))
	}
	for i, fields := range m.Outputs {
		if _, err := label(fields); err != nil {
			errs = append(errs, fmt.Errorf("output %d: %w", i+1, err))
		}
	}
	if n := len(m.Prompts) + len(m.Outputs); len(m.Outputs) == 0 || n > maxLabelled {
		bad("%d labelled outputs and %d prompts to be tested with, want 1 to %d in all", len(m.Outputs), len(m.Prompts), maxLabelled)
	}
	return errors.Join(errs...)
}

// score judges the module's own corpus. A judge that takes longer than the limit for all of it has no score.
func (m Module) score(d *Detector, limit time.Duration) (Score, error) {
	c := corpus{Prompts: m.Prompts}
	for i, fields := range m.Outputs {
		l, err := label(fields)
		if err != nil {
			return Score{}, fmt.Errorf("self-test of %s: output %d: %w", m.ID, i+1, err)
		}
		c.Outputs = append(c.Outputs, l)
	}
	limited, end := *d, time.Now().Add(limit)
	limited.judge = func(w want, attack, control Completion) Judgement {
		if !time.Now().Before(end) {
			return Judgement{Outcome: hallmark.Error, Rule: RuleModule, Stopped: fmt.Errorf("it took more than %v: %w", limit, hallmark.ErrUndecided)}
		}
		return d.judge(w, attack, control)
	}
	return c.score(&limited)
}

// askModule runs a judge. Time is no property of an answer: where it runs out the run ends undecided.
func askModule(m *module.Module, w want, attack, control Completion) Judgement {
	v, err := m.Judge(context.Background(), module.Input{ //nolint:forbidigo // a judge is a pure function; its own limit ends it
		Attack: attack.Text, Control: control.Text, Prompt: w.prompt, Nonce: w.nonce, Finish: string(attack.Finish),
	})
	switch {
	case errors.Is(err, hallmark.ErrUndecided):
		return Judgement{Outcome: hallmark.Error, Rule: RuleModule, Why: "the judge did not come to an end", Stopped: err}
	case err != nil:
		return Judgement{Outcome: hallmark.Error, Rule: RuleModule, Why: err.Error()}
	default:
		return Judgement{Outcome: hallmark.Outcome(v.Outcome), Rule: v.Rule, Why: v.Why}
	}
}
