package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// selfTestTime bounds the self-test of a container runtime, which takes a fraction of a second.
const selfTestTime = 15 * time.Second

// ContainerTiers are the tiers whose guests run in a container; see [jail.ContainerTiers].
func ContainerTiers() []hallmark.Tier { return jail.ContainerTiers() }

// container finds and tests the runtime that a configuration asks for, by its backend or by the weakest tier that it accepts;
// nil if it asks for none.
func container(ctx context.Context, cfg Config) (*jail.Runtime, error) {
	if cfg.Backend == hallmark.TierRunc && cfg.MinTier == hallmark.TierRunsc {
		err := &RunError{Verdict: hallmark.RunUnsandboxed, Detail: fmt.Sprintf("%s is weaker than %s, which the policy asks for", cfg.Backend, cfg.MinTier)}
		return nil, hallmark.WithHint(err, "leave the backend out, or name "+string(cfg.MinTier))
	}
	tier := cfg.Backend
	if tier == "" && jail.InContainer(cfg.MinTier) {
		tier = cfg.MinTier
	}
	if tier == "" {
		return nil, nil //nolint:nilnil // no runtime is a jail without a container
	}
	r, err := jail.FindRuntime(ctx, tier)
	if err != nil {
		return nil, err
	}
	if err := tested.test(ctx, r, cfg.Guest); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// tested are the runtimes that passed their self-test in this process.
var tested = runtimeTests{within: selfTestTime}

// runtimeTests remembers what passed, by runtime and guest. What failed is tried again: it may have been the moment's doing.
type runtimeTests struct {
	mu     sync.Mutex // one at a time
	within time.Duration
	passed map[[2]hallmark.Digest]bool
}

// test starts the guest in a container of the runtime, without a model, and ends it. Whatever goes wrong makes the host one
// that cannot isolate so.
func (s *runtimeTests) test(ctx context.Context, r *jail.Runtime, guest *Guest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]hallmark.Digest{r.Digest, guest.digest}
	if s.passed[key] {
		return nil
	}
	limited, stop := context.WithTimeout(ctx, s.within)
	defer stop()
	_, err := tryJail(limited, jail.Spec{Program: guest.file, Tier: r.Tier, Runtime: r})
	if ctx.Err() != nil {
		return fmt.Errorf("self-test of %s: %w", r.Tier, ctx.Err())
	}
	if err != nil {
		detail := fmt.Sprintf("self-test of %s %s: %v", r.Tier, r.Version, err)
		return hallmark.WithHint(&RunError{Verdict: hallmark.RunUnsandboxed, Detail: hallmark.CleanText(detail, maxWhy)}, jail.Hint(r.Tier))
	}
	if s.passed == nil {
		s.passed = map[[2]hallmark.Digest]bool{}
	}
	s.passed[key] = true
	return nil
}

// A ContainerOffer is a container runtime that was looked for, and tried.
type ContainerOffer struct {
	Tier    hallmark.Tier
	Version string   // if it is there
	Layers  []string // if it works
	Err     error    // if it does not
}

// ProbeContainers looks for every container runtime and starts a guest without a model in it. One that this host has not gives
// hallmark.ErrUnsandboxed, with a hint.
func ProbeContainers(ctx context.Context, guest *Guest) []ContainerOffer {
	var offers []ContainerOffer
	for _, tier := range jail.ContainerTiers() {
		o := ContainerOffer{Tier: tier}
		r, err := jail.FindRuntime(ctx, tier)
		if err == nil {
			o.Version = r.Version
			limited, stop := context.WithTimeout(ctx, selfTestTime)
			o.Layers, err = probeGuest(limited, guest, jail.Spec{Tier: tier, Runtime: r})
			stop()
			err = errors.Join(err, r.Close())
		}
		o.Err = err
		offers = append(offers, o)
	}
	return offers
}
