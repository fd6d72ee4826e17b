package model

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// What is wrong with a call. Branch with [errors.Is].
var (
	ErrContext   = errors.New("context of the model exceeded")
	ErrToken     = errors.New("not a token of the vocabulary")
	ErrInput     = errors.New("wrong input size")
	ErrNotFinite = errors.New("logits are not finite numbers") // the weights are broken
)

// Want says which positions' logits a call returns.
type Want bool

// The choices of Want.
const (
	Last Want = false // of the last position of the call
	All  Want = true  // of every position of the call
)

// pageLen is the number of positions of a page.
const pageLen = 32

// page holds keys and values of pageLen positions, each [layers][kvHeads][pageLen][head].
type page struct{ k, v []float32 }

func pagesFor(positions int) int { return (positions + pageLen - 1) / pageLen }

// pageFloats is the number of keys of a page, and of values.
func (m *Model) pageFloats() int { return m.layers * m.kvHeads * pageLen * m.head }

// Sequence is the state of one text: the keys and values of its positions. One goroutine uses it at a time; sequences of
// one model, forks included, are independent of each other.
type Sequence struct {
	m      *Model
	n      int
	pages  []*page // enough for n positions, or more
	own    []bool  // pages that no other sequence reads, and that may be written to
	logits []float32
}

// input is either token ids or embeddings.
type input struct {
	tokens     []int32
	embeddings []float32
}

// NewSequence returns an empty sequence.
func (m *Model) NewSequence() *Sequence { return &Sequence{m: m} }

// Len returns the number of positions.
func (s *Sequence) Len() int { return s.n }

// Append adds tokens and returns logits: [1][vocab] of the last one, or [len(tokens)][vocab]. They stay valid until the next
// call. After an error, which is ErrToken, ErrInput, ErrContext, ErrNotFinite or that of ctx, the sequence is what it was.
func (s *Sequence) Append(ctx context.Context, tokens []int32, want Want) ([]float32, error) {
	for i, id := range tokens {
		if id < 0 || int(id) >= s.m.vocab {
			return nil, fmt.Errorf("id %d at position %d, of a vocabulary of %d: %w", id, i, s.m.vocab, ErrToken)
		}
	}
	return s.extend(ctx, input{tokens: tokens}, len(tokens), want)
}

// AppendEmbeddings is [Sequence.Append] with n input embeddings, [n][embedding size], in place of tokens.
func (s *Sequence) AppendEmbeddings(ctx context.Context, embeddings []float32, n int, want Want) ([]float32, error) {
	if n < 0 || n > s.m.context || len(embeddings) != n*s.m.embed {
		return nil, fmt.Errorf("%d numbers for %d embeddings of %d: %w", len(embeddings), n, s.m.embed, ErrInput)
	}
	return s.extend(ctx, input{embeddings: embeddings}, n, want)
}

// Size returns the memory of keys and values in bytes, that shared with other sequences included.
func (s *Sequence) Size() int { return len(s.pages) * 2 * 4 * s.m.pageFloats() }

// Truncate forgets all positions from n on.
func (s *Sequence) Truncate(n int) {
	s.n = max(0, min(n, s.n))
	for used := pagesFor(s.n); len(s.pages) > used && !s.own[len(s.pages)-1]; { // copying them would serve nobody
		s.pages, s.own = s.pages[:len(s.pages)-1], s.own[:len(s.own)-1]
	}
}

// Fork returns a sequence with the same positions. It shares their memory until one of the two writes to it.
func (s *Sequence) Fork() *Sequence {
	clear(s.own)
	used := pagesFor(s.n)
	return &Sequence{m: s.m, n: s.n, pages: append([]*page(nil), s.pages[:used]...), own: make([]bool, used)}
}

func (s *Sequence) extend(ctx context.Context, in input, n int, want Want) ([]float32, error) {
	switch {
	case n == 0:
		return nil, fmt.Errorf("nothing to append: %w", ErrInput)
	case n > s.m.context-s.n:
		return nil, fmt.Errorf("%d positions after %d, at most %d: %w", n, s.n, s.m.context, ErrContext)
	}
	rows := 1
	if want == All {
		rows = n
	}
	s.reserve(n, rows*s.m.vocab)

	r := s.m.acquire(s.n + n)
	defer s.m.release(r)
	for done := 0; done < n; done += r.n {
		r.n = min(r.most, n-done)
		r.seq, r.in, r.from, r.pos = s, in, done, s.n+done
		switch {
		case want == All:
			r.logits = s.logits[done*s.m.vocab:][:r.n*s.m.vocab]
		case done+r.n == n:
			r.logits = s.logits
		default:
			r.logits = nil
		}
		if err := r.run(ctx); err != nil {
			return nil, fmt.Errorf("computing %d positions after %d: %w", n, s.n, err)
		}
	}
	if !kernel.Finite(s.logits) {
		return nil, fmt.Errorf("computing %d positions after %d: %w", n, s.n, ErrNotFinite)
	}
	s.n += n
	s.m.computed.Add(uint64(n))
	return s.logits, nil
}

// reserve makes room for n positions in pages of the sequence's own, and for logits.
func (s *Sequence) reserve(n, logits int) {
	size := s.m.pageFloats()
	for i := s.n / pageLen; i*pageLen < s.n+n; i++ {
		if i < len(s.pages) && s.own[i] {
			continue
		}
		p := &page{k: make([]float32, size), v: make([]float32, size)}
		if i == len(s.pages) {
			s.pages, s.own = append(s.pages, p), append(s.own, true)
			continue
		}
		copy(p.k, s.pages[i].k)
		copy(p.v, s.pages[i].v)
		s.pages[i], s.own[i] = p, true
	}
	if cap(s.logits) < logits {
		s.logits = make([]float32, logits)
	}
	s.logits = s.logits[:logits]
}
