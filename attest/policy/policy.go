package policy

import (
	"embed"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

//go:embed policies/*.yaml
var embedded embed.FS

// A Policy is a checked policy file. It is immutable and safe for concurrent use.
type Policy struct {
	file   file
	digest hallmark.Digest
	source []byte
}

// Load reads and checks a policy file. Every problem is in the error, which is [hallmark.ErrInvalid] or, for a file over
// [MaxSize], [hallmark.ErrTooLarge].
func Load(b []byte) (*Policy, error) { return nil, fmt.Errorf("not yet: %w", hallmark.ErrInvalid) }

// Names returns the names of the embedded policies.
func Names() []string { return []string{"default", "demo"} }

// Embedded returns the embedded policy of that name; another name is [hallmark.ErrNotFound].
func Embedded(name string) (*Policy, error) { return nil, fmt.Errorf("policy %q: %w", name, hallmark.ErrNotFound) }

// Name returns the policy's name.
func (p *Policy) Name() string { return p.file.Name }

// Version returns the policy's version.
func (p *Policy) Version() string { return "" }

// Digest returns the SHA-256 of the policy file.
func (p *Policy) Digest() hallmark.Digest { return p.digest }

// Source returns the policy file as it was loaded. The caller must not change it.
func (p *Policy) Source() []byte { return p.source }

// MinTier returns the weakest jail tier that the policy accepts.
func (p *Policy) MinTier() hallmark.Tier { return "" }

// Head returns how far an anchor must have come before the policy counts a version as anchored: safe or final.
func (p *Policy) Head() hallmark.AnchorState { return "" }

// Decide judges the evidence. It does not fail: what cannot be judged is a verdict of undecided with its reason.
func (p *Policy) Decide(Evidence) hallmark.Verdict { return hallmark.Verdict{Decision: hallmark.Undecided} }

// An ExampleResult is one of a policy's own examples, run.
type ExampleResult struct {
	Name    string
	OK      bool
	Want    hallmark.Decision
	Missing []string // rules that the example names but that did not speak
	Verdict hallmark.Verdict
}

// RunExamples decides each of the policy's own examples, in the order of the file.
func (p *Policy) RunExamples() []ExampleResult { return nil }

// A Problem is one thing that is wrong with a policy file.
type Problem struct {
	Line int // 1-based; 0 when the problem belongs to the whole file
	Text string
}

// Lint returns everything that is wrong with a policy file, in the order of its lines; nothing means that [Load] takes it.
func Lint(b []byte) []Problem { return nil }

type file struct{ Name string }
