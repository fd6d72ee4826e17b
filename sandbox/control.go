package sandbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// controls asks the plain requests of all capability controls that the plan needs.
func (r *run) controls(ctx context.Context) error {
	checks, total := make(map[string][]probe.Check), 0
	for _, d := range r.plan.Suite.All() {
		if d.Kind == probe.Static || !r.runs(d) || r.plan.Tier == probe.TierQuick || d.WhiteBox() && r.lab == nil {
			continue
		}
		var err error
		if checks[d.ID], err = r.plan.Suite.Checks(r.seed, r.plan.Profile, d.ID); err != nil {
			return err
		}
		total += len(checks[d.ID])
	}
	done := 0
	for _, d := range r.plan.Suite.All() {
		groups := make(map[string]tally)
		for part := range slices.Chunk(checks[d.ID], together) {
			if err := r.capability(ctx, part, groups); err != nil {
				return err
			}
			if done += len(part); r.plan.OnControl != nil {
				r.plan.OnControl(done, total)
			}
		}
		r.capable[d.ID] = groups
	}
	return nil
}

// capability asks some plain requests of a detector and counts those that succeed. Groups without a control of their own
// share the one of the empty name.
func (r *run) capability(ctx context.Context, checks []probe.Check, groups map[string]tally) error {
	var reqs []probe.GenerateRequest
	for _, check := range checks {
		reqs = append(reqs, check.Request)
	}
	if err := r.prepare(ctx, reqs); err != nil {
		return err
	}
	for _, check := range checks {
		got, err := r.plain(ctx, check.Request)
		if err != nil && !ofCase(err) {
			return interrupted(ctx, fmt.Errorf("%s: %w", check.ID, err))
		}
		t := groups[check.Group]
		t.n++
		if err == nil && check.Passed(got) {
			t.k++
		}
		groups[check.Group] = t
	}
	return nil
}
