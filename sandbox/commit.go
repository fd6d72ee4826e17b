package sandbox

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// Commit returns what a run of plan commits itself to, before any model is asked. The model's engine version is engine;
// inside says that it can be seen into, as the jailed guest can. Model, Scan and Done of plan are not looked at.
func Commit(plan Plan, engine string, inside bool) (hallmark.RunPlan, error) {
	suite, err := plan.Suite.Digest()
	if err != nil {
		return hallmark.RunPlan{}, err
	}
	seed := seedOf(plan)
	cases, err := Cases(plan.Suite, seed, plan.Profile, plan.Tier, inside)
	if err != nil {
		return hallmark.RunPlan{}, err
	}
	if _, err := newPrevious(plan.Previous); err != nil {
		return hallmark.RunPlan{}, err
	}
	return commit(plan, suite, seed, engine, cases), nil
}

// seedOf is the seed that the plan names, or that of model and suite.
func seedOf(plan Plan) uint64 {
	if plan.Seed != nil {
		return *plan.Seed
	}
	return probe.SeedFor(plan.ModelDigest, plan.Suite.Name)
}

func commit(plan Plan, suite hallmark.Digest, seed uint64, engine string, cases []probe.Case) hallmark.RunPlan {
	tier := plan.Tier
	if tier == "" {
		tier = probe.TierFull
	}
	all := sha256.New()
	for _, c := range cases {
		attack, control := requestKey(c.Request), requestKey(c.Control)
		fmt.Fprintf(all, "%q %q %x %x\n", c.ID, c.Template, attack, control) // a hash takes all
	}
	return hallmark.RunPlan{
		Schema: hallmark.RunPlanSchema, Model: plan.ModelDigest, Suite: plan.Suite.Name, SuiteHash: suite, Engine: hallmark.CleanText(engine, maxEngine),
		Seed: strconv.FormatUint(seed, 10), Profile: plan.Profile, Tier: string(tier), Cases: len(cases), Commitment: hallmark.Digest(all.Sum(nil)),
		Budget: plan.Budget, WarmStart: OutcomesDigest(plan.Previous),
	}
}

// maxEngine bounds the name of an engine's version, in bytes.
const maxEngine = 80
