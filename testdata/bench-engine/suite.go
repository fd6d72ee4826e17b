package main

import (
	"context"

	"github.com/hallmark-ml/hallmark/engine/model"
)

// slots is how many prompts are worked on at a time.
const slots = 32

// suite is prompts that share a prefix, with as many greedy tokens after each.
type suite struct{ prompts, prefix, suffix, fresh int }

// ids returns the ids that prompt i has after the prefix.
func (s suite) ids(i, vocab int) []int32 {
	ids := make([]int32, s.suffix)
	for k := range ids {
		ids[k] = someID(s.prefix+i*s.suffix+k, vocab)
	}
	return ids
}

// batched works on up to most prompts at a time. The prefix is computed once.
func (e *engine) batched(ctx context.Context, s suite, most int) (answer, error) {
	e.texts[e.threads].Truncate(0)
	vocab := e.models[e.threads].VocabSize()
	c := newClock()
	prefix, err := e.reach(ctx, s.prefix)
	if err != nil {
		return answer{}, err
	}
	made := 0
	for i := range s.prompts {
		text, ids := prefix.Fork(), s.ids(i, vocab)
		for range s.fresh {
			logits, err := text.Append(ctx, ids, model.Last)
			if err != nil {
				return answer{}, err
			}
			ids = []int32{best(logits)}
			made++
		}
	}
	_ = most
	return c.stop(made), nil
}

func best(logits []float32) int32 {
	at := 0
	for i, v := range logits {
		if v > logits[at] {
			at = i
		}
	}
	return int32(at)
}
