package model

import (
	"context"
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// Want says which positions' logits a call returns.
type Want uint8

// The choices of Want.
const (
	Last   Want = iota // of the last position of the call
	All                // of every position of the call
	None               // none: keys and values are all that is wanted
	Chosen             // of those that Part.At names
)

// Part is what a call adds to one sequence. Either Tokens or Embeddings are given.
type Part struct {
	Sequence   *Sequence
	Tokens     []int32
	Embeddings []float32 // [n][embedding size]

	Want   Want
	At     []int // positions within the part, ascending, if Want is Chosen
	Add    []Addition
	Hidden *Hidden // if not nil, is filled

	// Logits is set by the call: [rows][vocab], valid until the next call with the sequence. After an error it is nil.
	Logits []float32
	// Err is set by the call: nil, or ErrNotFinite if the part's logits are not finite numbers; the sequence is then what
	// it was.
	Err error
}

// Input is the layer number of the embeddings, the input of the first block; a block's number stands for its output.
const Input = -1

// Addition adds Vector, of the embedding's size, to the values of Layer at positions From to To-1 of a part.
type Addition struct {
	Layer    int
	From, To int
	Vector   []float32
}

// Hidden asks for the values of Layers at positions At of a part, both ascending, after additions.
type Hidden struct {
	Layers []int
	At     []int
	Values []float32 // set by the call: [layers][positions][embedding size]
}

// positions returns how many positions the part adds.
func (p *Part) positions() int {
	if p.Embeddings != nil {
		return len(p.Embeddings) / p.Sequence.m.embed
	}
	return len(p.Tokens)
}

// rows returns how many positions' logits are wanted.
func (p *Part) rows() int {
	switch p.Want {
	case Last:
		return 1
	case All:
		return p.positions()
	case Chosen:
		return len(p.At)
	default:
		return 0
	}
}

// wants says which row of logits position i is, if it is wanted.
func (p *Part) wants(i int) (int, bool) {
	switch p.Want {
	case Last:
		return 0, i == p.positions()-1
	case All:
		return i, true
	case Chosen:
		return slices.BinarySearch(p.At, i)
	default:
		return 0, false
	}
}

// Compute adds parts to their sequences, which are different ones of this model. Each gets the same bits as alone. The error
// is ErrToken, ErrInput, ErrContext or that of ctx; then no sequence has changed, and likewise for a part with an error of its own.
func (m *Model) Compute(ctx context.Context, parts []Part) error {
	for i := range parts {
		parts[i].Logits, parts[i].Err = nil, nil
	}
	if err := m.checkParts(parts); err != nil {
		return err
	}
	start := m.computed.begin()
	total := 0
	for i := range parts {
		p := &parts[i]
		n := p.positions()
		p.Sequence.reserve(n, p.rows()*m.vocab)
		if h := p.Hidden; h != nil {
			h.Values = resize(h.Values, len(h.Layers)*len(h.At)*m.embed)
		}
		total += n
	}
	r := m.acquire()
	defer m.release(r)
	if err := r.compute(ctx, parts); err != nil {
		return fmt.Errorf("computing %d positions of %d sequences: %w", total, len(parts), err)
	}
	for i := range parts {
		p := &parts[i]
		if !kernel.Finite(p.Sequence.logits) {
			p.Err = fmt.Errorf("computing %d positions after %d: %w", p.positions(), p.Sequence.n, ErrNotFinite)
			continue
		}
		p.Sequence.n += p.positions()
		p.Logits = p.Sequence.logits
	}
	m.computed.end(start, total)
	return nil
}

// resize returns a slice of n numbers, x if it is large enough.
func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// checkParts returns the first problem of a call.
func (m *Model) checkParts(parts []Part) error {
	if len(parts) == 0 {
		return fmt.Errorf("nothing to compute: %w", ErrInput)
	}
	defer func() {
		for i := range parts {
			if s := parts[i].Sequence; s != nil {
				s.listed = false
			}
		}
	}()
	for i := range parts {
		if err := m.checkPart(&parts[i]); err != nil {
			if len(parts) > 1 {
				return fmt.Errorf("part %d: %w", i, err)
			}
			return err
		}
		parts[i].Sequence.listed = true
	}
	return nil
}

func (m *Model) checkPart(p *Part) error {
	switch {
	case p.Sequence == nil || p.Sequence.m != m:
		return fmt.Errorf("a sequence of another model: %w", ErrInput)
	case p.Sequence.listed:
		return fmt.Errorf("a sequence twice: %w", ErrInput)
	case p.Tokens != nil && p.Embeddings != nil:
		return fmt.Errorf("both tokens and embeddings: %w", ErrInput)
	case len(p.Embeddings)%m.embed != 0:
		return fmt.Errorf("%d numbers for embeddings of %d: %w", len(p.Embeddings), m.embed, ErrInput)
	}
	if err := m.checkTokens(p.Tokens); err != nil {
		return err
	}
	n := p.positions()
	switch {
	case n == 0:
		return fmt.Errorf("nothing to append: %w", ErrInput)
	case n > m.context-p.Sequence.n:
		return fmt.Errorf("%d positions after %d, at most %d: %w", n, p.Sequence.n, m.context, ErrContext)
	case p.Want > Chosen || p.Want == Chosen && !ascending(p.At, 0, n):
		return fmt.Errorf("logits at %v of %d positions: %w", p.At, n, ErrInput)
	case p.Hidden != nil && (!ascending(p.Hidden.Layers, Input, m.layers) || !ascending(p.Hidden.At, 0, n)):
		return fmt.Errorf("layers %v at %v of %d positions and %d layers: %w", p.Hidden.Layers, p.Hidden.At, n, m.layers, ErrInput)
	}
	for _, a := range p.Add {
		if a.Layer < Input || a.Layer >= m.layers || a.From < 0 || a.To > n || len(a.Vector) != m.embed {
			return fmt.Errorf("adding %d numbers to layer %d at %d to %d of %d positions: %w", len(a.Vector), a.Layer, a.From, a.To, n, ErrInput)
		}
	}
	return nil
}

func (m *Model) checkTokens(tokens []int32) error {
	for i, id := range tokens {
		if id < 0 || int(id) >= m.vocab {
			return fmt.Errorf("id %d at position %d, of a vocabulary of %d: %w", id, i, m.vocab, ErrToken)
		}
	}
	return nil
}

// ascending says whether x rises, from low on to below high.
func ascending(x []int, low, high int) bool {
	for _, v := range x {
		if v < low || v >= high {
			return false
		}
		low = v + 1
	}
	return true
}
