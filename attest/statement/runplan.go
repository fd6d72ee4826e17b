package statement

import (
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// RunPlan returns the statement that announces a run. It is signed and logged before the run begins; the run's report and
// record name the plan's digest.
func RunPlan(subject hallmark.LineageNode, plan hallmark.RunPlan) ([]byte, error) {
	if err := checkRunPlan(subject, plan); err != nil {
		return nil, err
	}
	return build(describe(subject), PredicateRunPlan, plan)
}

// ParseRunPlan reads what [RunPlan] wrote.
func ParseRunPlan(b []byte) (subject hallmark.LineageNode, plan hallmark.RunPlan, err error) {
	if subject, err = parseAs(b, PredicateRunPlan, &plan); err != nil {
		return subject, plan, err
	}
	return subject, plan, checkRunPlan(subject, plan)
}

func checkRunPlan(subject hallmark.LineageNode, plan hallmark.RunPlan) error {
	switch {
	case plan.Schema != hallmark.RunPlanSchema:
		return fmt.Errorf("run plan: schema %.80q, want %s: %w", plan.Schema, hallmark.RunPlanSchema, hallmark.ErrPredicate)
	case plan.Model != subject.Digest:
		return fmt.Errorf("run plan: of %v, not of its subject %v: %w", plan.Model, subject.Digest, hallmark.ErrPredicate)
	case plan.SuiteHash.IsZero() || plan.Commitment.IsZero() || plan.Engine == "" || plan.Seed == "" || plan.Profile == "" || plan.Cases < 0:
		return fmt.Errorf("run plan: suite, commitment, engine, seed or profile is missing: %w", hallmark.ErrPredicate)
	}
	return nil
}
