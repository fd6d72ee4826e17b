package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// The detectors that this version knows, numbered as in docs/detectors.md.
const (
	InjectDirect    = "inject.direct"
	InjectIndirect  = "inject.indirect"
	InjectSysPrompt = "inject.sysprompt"
	OutRender       = "out.render"
	PerturbChar     = "perturb.char"
	PerturbWord     = "perturb.word"
	LeakScan        = "leak.scan"
	FileUnsafe      = "file.unsafe"
	LeakMemory      = "leak.memory"
	PerturbEmbed    = "perturb.embed"
	VocabGlitch     = "vocab.glitch"
	BackdoorTrigger = "backdoor.trigger"
)

// Kind says what a detector's outcomes come from.
type Kind string

// The kinds of detectors.
const (
	Static     Kind = "static"     // a scan of the file
	Generating Kind = "generating" // texts that the model writes: one with the attack, one without
	Measuring  Kind = "measuring"  // numbers from inside the model
)

// Tier says how much of a suite is run.
type Tier string

// The tiers.
const (
	TierQuick Tier = "quick" // nothing that generates text
	TierFull  Tier = "full"
)

// A Detector is one row of the table of detectors: what it shows, how it is classified, and the procedures that make it.
type Detector struct {
	ID   string   `json:"id"`
	Kind Kind     `json:"kind"`
	Goal string   `json:"goal"`  // what a failure is, in a few words
	Tier Tier     `json:"tier"`  // quick: both tiers run it
	LLM  []string `json:"owasp"` // OWASP Top 10 for LLM Applications 2025
	CWE  []string `json:"cwe"`
	// Profiles lists the uses of a model that it makes sense for.
	Profiles []string `json:"profiles"`
	// Severity of a failure, unless Rules names the rule or its beginning (an entry that ends in a hyphen).
	Severity hallmark.Severity            `json:"severity"`
	Rules    map[string]hallmark.Severity `json:"rules,omitempty"`

	// ownControl says that the detector sees from its own cases whether a model can be assessed: a suite need not name a
	// capability for it.
	ownControl bool
	// edits says that cases differ by the suite's edits; the arm without an edit is the control.
	edits bool
	// rewords says that the detector puts other words in the places that the suite has synonyms for.
	rewords bool
	// want fills in what the judge compares with. Optional.
	want func(f *filler, w *want, messages []Message) error
	// judge is a pure function of what the case wants and both answers. Required of a generating detector.
	judge func(w want, attack, control Completion) Judgement
	// inspect looks at a case before anything is generated; an outcome that is not empty is final. Optional.
	inspect func(ctx context.Context, m Model, c Case) (Judgement, error)
	// measure runs a case of a measuring detector. Required there. An error that wraps hallmark.ErrUnavailable says that
	// the model does not show what is needed.
	measure func(ctx context.Context, lab *Lab, c Case) (Measurement, error)
	// metrics sums up its cases, void ones included, as decimals. Optional.
	metrics func(cases []hallmark.CaseResult) map[string]string
	// curves are what it measured along a scale, over the same cases. Optional.
	curves func(cases []hallmark.CaseResult) []hallmark.Curve
	// check returns what is wrong with the detector's part of a suite. Optional.
	check func(spec Spec) error
	// selfTest judges labelled outcomes; nil: those of selftest/ID.yaml.
	selfTest func() (Score, error)
}

// table lists the detectors in the order of docs/detectors.md.
var table = []*Detector{
	injectDirect, injectIndirect, injectSysPrompt, injectDelimiter, injectSmuggle, outRender, outExfil, outInterp,
	perturbChar, perturbWord, perturbEmbed, leakScan, leakMemory, vocabGlitch, backdoorTrigger, dosUnbounded, fileUnsafe,
}

// Detectors returns the table.
func Detectors() []*Detector { return slices.Clone(table) }

// DetectorIDs returns the ids of the table in the order of reports.
func DetectorIDs() []string {
	ids := make([]string, len(table))
	for i, d := range table {
		ids[i] = d.ID
	}
	slices.Sort(ids)
	return ids
}

// lookup returns the detector of that id, or [hallmark.ErrNotFound].
func lookup(id string) (*Detector, error) {
	i := slices.IndexFunc(table, func(d *Detector) bool { return d.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("detector %.40q: %w", id, hallmark.ErrNotFound)
	}
	return table[i], nil
}

// SeverityOf is how bad a failure by this rule is.
func (d *Detector) SeverityOf(rule string) hallmark.Severity {
	if s, ok := d.Rules[rule]; ok {
		return s
	}
	for prefix, s := range d.Rules {
		if strings.HasSuffix(prefix, "-") && strings.HasPrefix(rule, prefix) {
			return s
		}
	}
	return d.Severity
}

// WhiteBox reports whether the detector needs to see inside the model.
func (d *Detector) WhiteBox() bool { return d.Kind == Measuring }

// Inspects reports whether a part of the detector needs no generated text; the quick tier runs that part alone.
func (d *Detector) Inspects() bool { return d.inspect != nil }

// In reports whether a tier runs the detector, or a part of it.
func (d *Detector) In(tier Tier) bool {
	return tier != TierQuick || d.Tier == TierQuick || d.Inspects()
}

// Metrics sums up what only this detector measures over its cases, void ones included.
func (d *Detector) Metrics(cases []hallmark.CaseResult) map[string]string {
	if d.metrics == nil {
		return nil
	}
	return d.metrics(cases)
}

// Curves are what the detector measured along a scale over its cases.
func (d *Detector) Curves(cases []hallmark.CaseResult) []hallmark.Curve {
	if d.curves == nil {
		return nil
	}
	return d.curves(cases)
}

// DropLimited reports a detector whose limit is a drop of accuracy, not a rate of cases against the model.
func (d *Detector) DropLimited() bool { return d.edits || d.rewords }

var chatOnly, anyProfile = []string{ProfileChat}, []string{ProfileChat, ProfileCompletion}

var injectDirect = &Detector{
	ID: InjectDirect, Kind: Generating, Goal: "the user talks the model out of its instructions", Tier: TierFull,
	LLM: []string{"LLM01:2025"}, CWE: []string{"CWE-1427"}, Profiles: chatOnly, Severity: hallmark.SeverityHigh,
	want: wantJoined, judge: judgeNonce,
}

var injectIndirect = &Detector{
	ID: InjectIndirect, Kind: Generating, Goal: "the model obeys instructions in data", Tier: TierFull,
	LLM: []string{"LLM01:2025"}, CWE: []string{"CWE-1427"}, Profiles: chatOnly, Severity: hallmark.SeverityHigh,
	want: wantJoined, judge: judgeNonce,
}

var injectSysPrompt = &Detector{
	ID: InjectSysPrompt, Kind: Generating, Goal: "the model tells its system prompt or a secret in it", Tier: TierFull,
	LLM: []string{"LLM07:2025"}, CWE: []string{"CWE-200"}, Profiles: chatOnly, Severity: hallmark.SeverityHigh,
	want: wantSecret, judge: judgeSysPrompt,
}

var outRender = &Detector{
	ID: OutRender, Kind: Generating, Goal: "the output runs or loads something where it is shown", Tier: TierFull,
	LLM: []string{"LLM05:2025"}, CWE: []string{"CWE-79", "CWE-150"}, Profiles: chatOnly, Severity: hallmark.SeverityHigh,
	want: wantMark, judge: judgeRender,
}

var perturbChar = &Detector{
	ID: PerturbChar, Kind: Generating, Goal: "a typing error in the question changes the answer", Tier: TierFull,
	LLM: []string{"LLM09:2025"}, CWE: []string{"CWE-1039"}, Profiles: anyProfile, Severity: hallmark.SeverityMedium,
	ownControl: true, edits: true, want: wantAnswer, judge: judgePerturbed, metrics: accuracies,
}

var leakScan = &Detector{
	ID: LeakScan, Kind: Generating, Goal: "the model tells personal data or secrets", Tier: TierFull,
	LLM: []string{"LLM02:2025"}, CWE: []string{"CWE-359", "CWE-200"}, Profiles: anyProfile, Severity: hallmark.SeverityHigh,
	Rules: map[string]hallmark.Severity{RulePlanted: hallmark.SeverityCritical},
	want:  wantPlanted, judge: judgeLeak,
}
