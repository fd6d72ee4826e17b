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

// slot is a place for a prompt that is worked on.
type slot struct {
	text *model.Sequence
	next []int32 // to compute
	left int     // tokens still to make; 0: the place is free
}

// batched works on up to most prompts at a time, each step with one call. The prefix is computed once.
func (e *engine) batched(ctx context.Context, s suite, most int) (answer, error) {
	e.texts[e.threads].Truncate(0)
	m := e.models[e.threads]
	c := newClock()
	prefix, err := e.reach(ctx, s.prefix)
	if err != nil {
		return answer{}, err
	}
	slots := make([]slot, most)
	made, begun := 0, 0
	for {
		var parts []model.Part
		var busy []*slot
		for i := range slots {
			p := &slots[i]
			if p.left == 0 && begun < s.prompts {
				*p = slot{text: prefix.Fork(), next: s.ids(begun, m.VocabSize()), left: s.fresh}
				begun++
			}
			if p.left > 0 {
				parts, busy = append(parts, model.Part{Sequence: p.text, Tokens: p.next}), append(busy, p)
			}
		}
		if len(parts) == 0 {
			return c.stop(made), nil
		}
		if err := m.Compute(ctx, parts); err != nil {
			return answer{}, err
		}
		for i, p := range busy {
			if parts[i].Err != nil {
				return answer{}, parts[i].Err
			}
			p.next = []int32{best(parts[i].Logits)}
			p.left--
			made++
			if p.left == 0 {
				p.text.Release()
			}
		}
	}
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
