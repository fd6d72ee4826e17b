package guest

import (
	"context"
	"slices"

	engine "github.com/hallmark-ml/hallmark/engine/model"
)

// Bounds of what is remembered of earlier prompts, beside the latest.
const (
	mostRemembered  = 64
	positionsMemory = 2048     // positions that are remembered of large models: some system prompts
	leastMemory     = 32 << 20 // bytes
	mostMemory      = 128 << 20
)

// remembered is how many bytes the texts may take that are remembered of a model.
func remembered(e *engine.Model) int {
	return min(max(leastMemory, positionsMemory*e.PositionSize()), mostMemory)
}

// text is a sequence and the tokens of its positions.
type text struct {
	seq    *engine.Sequence
	tokens []int32
}

// memory holds the latest texts, the one used last at the end. A prompt goes on from the one that it has the longest
// beginning in common with: the prompts of a run share system prompts and documents. It changes no bit of an answer.
type memory struct {
	texts []*text
	limit int // bytes
}

// begin returns a text with as much of the beginning of prompt as is remembered, but not its last token, whose logits
// are wanted. The text is remembered from now on, with what will be added to it.
func (m *memory) begin(e *engine.Model, prompt []int32) *text {
	best, same := -1, 0
	for i, t := range m.texts {
		if n := common(t.tokens, prompt[:len(prompt)-1]); n > 0 && n >= same {
			best, same = i, n
		}
	}
	next := &text{}
	if best < 0 {
		next.seq = e.NewSequence()
	} else {
		t := m.texts[best]
		next.seq = t.seq.Fork()
		next.seq.Truncate(same)
		next.tokens = slices.Clone(t.tokens[:same])
		m.texts = append(slices.Delete(m.texts, best, best+1), t)
	}
	m.forget()
	m.texts = append(m.texts, next)
	return next
}

// forget drops the texts that were not used for longest until the others are within bounds and there is room for one.
func (m *memory) forget() {
	size, from := 0, len(m.texts)
	for from > 0 && len(m.texts)-from < mostRemembered-1 {
		if size += m.texts[from-1].seq.Size(); size > m.limit {
			break
		}
		from--
	}
	m.texts = slices.Delete(m.texts, 0, from)
}

// common is the length of the longest beginning that a and b share.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (t *text) extend(ctx context.Context, tokens []int32, want engine.Want) ([]float32, error) {
	logits, err := t.seq.Append(ctx, tokens, want)
	if err != nil {
		return nil, err
	}
	t.tokens = append(t.tokens, tokens...)
	return logits, nil
}
