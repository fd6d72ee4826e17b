package policy

import (
	"embed"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

//go:embed policies/default.yaml policies/demo.yaml
var embedded embed.FS

// A Policy is a checked policy file. It is immutable and safe for concurrent use.
type Policy struct {
	file   file
	source []byte
	digest hallmark.Digest
	limits []limit
	rules  []rule
}

// Load reads and checks a policy file. The error lists every problem with its line; it is [hallmark.ErrInvalid], or
// [hallmark.ErrTooLarge] for a file of more than [MaxSize] bytes.
func Load(b []byte) (*Policy, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("policy file of %d bytes, at most %d: %w", len(b), MaxSize, hallmark.ErrTooLarge)
	}
	p, problems := parse(b)
	if len(problems) > 0 {
		errs := make([]error, 0, len(problems))
		for _, problem := range problems {
			errs = append(errs, errors.New(problem.String()))
		}
		return nil, fmt.Errorf("policy file: %w: %w", errors.Join(errs...), hallmark.ErrInvalid)
	}
	return p, nil
}

// Names returns the names of the embedded policies.
func Names() []string { return []string{"default", "demo"} }

// Embedded returns the embedded policy of that name; another name is [hallmark.ErrNotFound].
func Embedded(name string) (*Policy, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("policy %q is not one of %v: %w", hallmark.CleanText(name, 100), Names(), hallmark.ErrNotFound)
	}
	b, err := embedded.ReadFile("policies/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("embedded policy: %w", err)
	}
	return Load(b)
}

// Name returns the policy's name.
func (p *Policy) Name() string { return p.file.Name }

// Version returns the policy's version.
func (p *Policy) Version() string { return p.file.Version }

// Description returns what the policy says about itself.
func (p *Policy) Description() string { return p.file.Description }

// Digest returns the SHA-256 of the policy file.
func (p *Policy) Digest() hallmark.Digest { return p.digest }

// Source returns the policy file as it was loaded. The caller must not change it.
func (p *Policy) Source() []byte { return p.source }

// Suite returns the name of the suite that a model of the profile is to be tested with; empty leaves it to who tests.
func (p *Policy) Suite(profile string) string {
	i := slices.IndexFunc(p.file.Profiles, func(f fileProfile) bool { return f.Name == profile })
	if i < 0 {
		return ""
	}
	return p.file.Profiles[i].Suite
}

// MinTier returns the weakest jail tier that the policy accepts for a model that is to be served.
func (p *Policy) MinTier() hallmark.Tier { return hallmark.Tier(p.file.MinTier) }

// MinTierGate returns the weakest jail tier that the policy accepts for a model that is judged alone, as in a CI job.
func (p *Policy) MinTierGate() hallmark.Tier {
	if p.file.MinTierGate == "" {
		return p.MinTier()
	}
	return hallmark.Tier(p.file.MinTierGate)
}

// Head returns how far an anchor must have come before a version counts as anchored: safe or final.
func (p *Policy) Head() hallmark.AnchorState { return hallmark.AnchorState(p.file.Head) }

// Profiles returns the names of the profiles that the policy can judge, in the order of the file.
func (p *Policy) Profiles() []string {
	names := make([]string, len(p.file.Profiles))
	for i, profile := range p.file.Profiles {
		names[i] = profile.Name
	}
	return names
}
