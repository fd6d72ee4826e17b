package statement_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// tinychat is train -> finetune -> quantize, in no useful order.
func tinychat() []hallmark.LineageStep {
	model, base := hallmark.KindModel, hallmark.RoleBase
	return []hallmark.LineageStep{
		{Operation: hallmark.OpQuantize, Output: node("guarded-q8_0", model), Inputs: []hallmark.LineageInput{input("guarded", model, base)}},
		finetune(),
		{Operation: hallmark.OpTrain, Output: node("base", model), Inputs: []hallmark.LineageInput{input("base.jsonl", hallmark.KindDataset, hallmark.RoleDataset)}},
	}
}

func there(names ...string) func(hallmark.Digest) bool {
	return func(d hallmark.Digest) bool {
		return slices.ContainsFunc(names, func(n string) bool { return digest(n) == d })
	}
}

var sources = []string{"base.jsonl", "guarded.jsonl", "train.py", "config.json"}

func TestLineageInOrder(t *testing.T) {
	t.Parallel()

	steps := tinychat()
	evaluation := hallmark.LineageStep{
		Operation: hallmark.OpEvaluate, Output: node("report", hallmark.KindReport),
		Inputs: []hallmark.LineageInput{input("guarded-q8_0", hallmark.KindModel, hallmark.RoleBase)},
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		all := append(slices.Clone(steps), evaluation)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		l, err := statement.CheckLineage(all, there(sources...), digest("guarded-q8_0"))
		require.NoError(t, err)
		require.Equal(t, digest("guarded-q8_0"), l.Target)
		require.Equal(t, []hallmark.LineageStep{steps[2], steps[1], steps[0], evaluation}, l.Steps)
	}
}

func TestBrokenLineage(t *testing.T) {
	t.Parallel()

	model, data := hallmark.KindModel, hallmark.KindDataset
	base := hallmark.RoleBase
	tests := map[string]struct {
		change func(s []hallmark.LineageStep) []hallmark.LineageStep
		target string
		text   string
	}{
		"no steps":              {func([]hallmark.LineageStep) []hallmark.LineageStep { return nil }, "guarded-q8_0", "no step has it as output"},
		"target missing":        {nil, "naive", "no step has it as output"},
		"target an input only":  {nil, "base.jsonl", "no step has it as output"},
		"a step not part of it": {nil, "guarded", `step quantize -> "guarded-q8_0" is not part of it`},
		"dangling data set": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[2].Inputs[0] = input("lost.jsonl", data, hallmark.RoleDataset)
			return s
		}, "guarded-q8_0", `input "lost.jsonl" (` + digest("lost.jsonl").String() + `) (dataset) of step train -> "base" is not there`},
		"step missing": {func(s []hallmark.LineageStep) []hallmark.LineageStep { return s[:2] }, "guarded-q8_0", `input "base"`},
		"ambiguous output": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			other := finetune()
			other.Parameters = map[string]string{"lr": "1"}
			return append(s, other)
		}, "guarded-q8_0", `output "guarded" (` + digest("guarded").String() + `) is ambiguous`},
		"same step twice": {func(s []hallmark.LineageStep) []hallmark.LineageStep { return append(s, finetune()) }, "guarded-q8_0", "is ambiguous"},
		"cycle": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[2] = hallmark.LineageStep{Operation: hallmark.OpConvert, Output: node("base", model), Inputs: []hallmark.LineageInput{input("guarded-q8_0", model, base)}}
			return s
		}, "guarded-q8_0", `cycle through "guarded-q8_0"`},
		"cycle of one": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Inputs[0] = input("guarded-q8_0", model, base)
			return s
		}, "guarded-q8_0", `"guarded-q8_0" (` + digest("guarded-q8_0").String() + `) is input and output of one step`},
		"two kinds": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Inputs[0] = input("guarded", hallmark.KindAdapter, base)
			return s
		}, "guarded-q8_0", "is called"},
		"file and directory": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Inputs[0].Dir = true
			return s
		}, "guarded-q8_0", "is called"},
		"trained on a base": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[1].Operation = hallmark.OpTrain
			return s
		}, "guarded-q8_0", "train makes \"guarded\""},
		"fine-tuned on nothing": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[1].Inputs = s[1].Inputs[:1]
			return s
		}, "guarded-q8_0", "want one base model and a dataset"},
		"merge of one": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Operation = hallmark.OpMerge
			return s
		}, "guarded-q8_0", "want two or more base models"},
		"quantized from two": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Inputs = append(s[0].Inputs, input("base", model, base))
			return s
		}, "guarded-q8_0", "want one base model"},
		"adapter that is a model": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[1].Operation = hallmark.OpAdapter
			return s
		}, "guarded-q8_0", `want "adapter"`},
		"unknown operation": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			s[0].Operation = "distil"
			return s
		}, "guarded-q8_0", "unknown operation"},
		"evaluation of something else": {func(s []hallmark.LineageStep) []hallmark.LineageStep {
			return append(s, hallmark.LineageStep{
				Operation: hallmark.OpEvaluate, Output: node("report", hallmark.KindReport),
				Inputs: []hallmark.LineageInput{input("naive", model, base)},
			})
		}, "guarded-q8_0", "is not part of it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			steps := tinychat()
			if tt.change != nil {
				steps = tt.change(steps)
			}
			_, err := statement.CheckLineage(steps, there(append(sources, "naive")...), digest(tt.target))
			require.ErrorIs(t, err, hallmark.ErrLineage)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

func chain(n int) []hallmark.LineageStep {
	steps := []hallmark.LineageStep{tinychat()[2]}
	steps[0].Output = node("m0", hallmark.KindModel)
	for i := 1; i < n; i++ {
		steps = append(steps, hallmark.LineageStep{
			Operation: hallmark.OpConvert, Output: node(fmt.Sprintf("m%d", i), hallmark.KindModel),
			Inputs: []hallmark.LineageInput{input(fmt.Sprintf("m%d", i-1), hallmark.KindModel, hallmark.RoleBase)},
		})
	}
	slices.Reverse(steps)
	return steps
}

func TestLongLineage(t *testing.T) {
	t.Parallel()

	steps := chain(10_000)
	start := time.Now()
	l, err := statement.CheckLineage(steps, there(sources...), digest("m9999"))
	require.NoError(t, err)
	require.Len(t, l.Steps, 10_000)
	t.Logf("10,000 steps in %v", time.Since(start))

	_, err = statement.CheckLineage(chain(10_001), there(sources...), digest("m10000"))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}
