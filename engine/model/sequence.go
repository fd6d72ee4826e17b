package model

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// What is wrong with a call. Branch with [errors.Is].
var (
	ErrContext   = errors.New("context of the model exceeded")
	ErrToken     = errors.New("not a token of the vocabulary")
	ErrInput     = errors.New("wrong input")
	ErrNotFinite = errors.New("logits are not finite numbers") // the weights are broken
)

const (
	pageLen   = 32       // positions of a page
	mostSpare = 64 << 20 // bytes of pages that a model keeps for later
)

// page holds keys and values of pageLen positions, each [layers][kvHeads][pageLen][head].
type page struct {
	k, v    []float32
	readers atomic.Int32 // sequences that have it; one alone may write
}

func pagesFor(positions int) int { return (positions + pageLen - 1) / pageLen }

// pageFloats is the number of keys of a page, and of values.
func (m *Model) pageFloats() int { return m.layers * m.kvHeads * pageLen * m.head }

// newPage returns a page with one reader; what it holds is left over.
func (m *Model) newPage() *page {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.spare); n > 0 {
		p := m.spare[n-1]
		m.spare = m.spare[:n-1]
		p.readers.Store(1)
		return p
	}
	size := m.pageFloats()
	p := &page{k: make([]float32, size), v: make([]float32, size)}
	p.readers.Store(1)
	return p
}

// leave takes a reader from a page.
func (m *Model) leave(p *page) {
	if p.readers.Add(-1) > 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if (len(m.spare)+1)*2*4*m.pageFloats() <= mostSpare {
		m.spare = append(m.spare, p)
	}
}

// copyPage copies the first positions of a page.
func (m *Model) copyPage(to, from *page, positions int) {
	n, every := positions*m.head, pageLen*m.head
	for at := 0; at < len(to.k); at += every {
		copy(to.k[at:at+n], from.k[at:])
		copy(to.v[at:at+n], from.v[at:])
	}
}

// Sequence is the state of one text: the keys and values of its positions. One goroutine uses it at a time; sequences of
// one model, forks included, are independent of each other.
type Sequence struct {
	m      *Model
	n      int
	pages  []*page // enough for n positions, or more
	logits []float32
	part   [1]Part // of Append
	listed bool    // in the parts of the call that is being checked
}

// NewSequence returns an empty sequence.
func (m *Model) NewSequence() *Sequence { return &Sequence{m: m} }

// Len returns the number of positions.
func (s *Sequence) Len() int { return s.n }

// Append adds tokens and returns logits: [1][vocab] of the last one, or [len(tokens)][vocab]. They stay valid until the next
// call. After an error, which is ErrToken, ErrInput, ErrContext, ErrNotFinite or that of ctx, the sequence is what it was.
func (s *Sequence) Append(ctx context.Context, tokens []int32, want Want) ([]float32, error) {
	return s.extend(ctx, Part{Sequence: s, Tokens: tokens, Want: want})
}

// AppendEmbeddings is [Sequence.Append] with n input embeddings, [n][embedding size], in place of tokens.
func (s *Sequence) AppendEmbeddings(ctx context.Context, embeddings []float32, n int, want Want) ([]float32, error) {
	if n < 0 || n > s.m.context || len(embeddings) != n*s.m.embed {
		return nil, fmt.Errorf("%d numbers for %d embeddings of %d: %w", len(embeddings), n, s.m.embed, ErrInput)
	}
	return s.extend(ctx, Part{Sequence: s, Embeddings: embeddings, Want: want})
}

func (s *Sequence) extend(ctx context.Context, p Part) ([]float32, error) {
	s.part[0] = p
	err := s.m.Compute(ctx, s.part[:])
	p = s.part[0]
	s.part[0] = Part{}
	if err == nil {
		err = p.Err
	}
	return p.Logits, err
}

// Size returns the memory of keys, values and logits in bytes, that shared with other sequences included.
func (s *Sequence) Size() int { return 4 * (len(s.pages)*2*s.m.pageFloats() + cap(s.logits)) }

// A Tally sums up the memory of sequences of one model. What they share counts once. The zero value is empty.
type Tally struct{ pages map[*page]struct{} }

// More returns how many bytes s has beside those of the sequences that were added.
func (t *Tally) More(s *Sequence) int {
	pages := 0
	for _, p := range s.pages {
		if _, known := t.pages[p]; !known {
			pages++
		}
	}
	return 4 * (pages*2*s.m.pageFloats() + cap(s.logits))
}

// Add counts s.
func (t *Tally) Add(s *Sequence) {
	if t.pages == nil {
		t.pages = map[*page]struct{}{}
	}
	for _, p := range s.pages {
		t.pages[p] = struct{}{}
	}
}

// Reset forgets all sequences.
func (t *Tally) Reset() { clear(t.pages) }

// Truncate forgets all positions from n on.
func (s *Sequence) Truncate(n int) {
	s.n = max(0, min(n, s.n))
	for last := len(s.pages) - 1; last >= pagesFor(s.n) && s.pages[last].readers.Load() > 1; last-- { // copying them would serve nobody
		s.m.leave(s.pages[last])
		s.pages = s.pages[:last]
	}
}

// Release forgets all positions and gives the memory back to the model, for other sequences. It may be left out.
func (s *Sequence) Release() {
	for _, p := range s.pages {
		s.m.leave(p)
	}
	clear(s.pages)
	s.n, s.pages = 0, s.pages[:0]
}

// Fork returns a sequence with the same positions. It shares their memory until one of the two writes to it.
func (s *Sequence) Fork() *Sequence {
	used := s.pages[:pagesFor(s.n)]
	for _, p := range used {
		p.readers.Add(1)
	}
	return &Sequence{m: s.m, n: s.n, pages: append([]*page(nil), used...)}
}

// reserve makes room for n positions in pages of the sequence's own, and for logits.
func (s *Sequence) reserve(n, logits int) {
	for i := s.n / pageLen; i*pageLen < s.n+n; i++ {
		if i == len(s.pages) {
			s.pages = append(s.pages, s.m.newPage())
			continue
		}
		old := s.pages[i]
		if old.readers.Load() == 1 {
			continue
		}
		p := s.m.newPage()
		s.m.copyPage(p, old, min(pageLen, max(0, s.n-i*pageLen)))
		s.pages[i] = p
		s.m.leave(old)
	}
	s.logits = resize(s.logits, logits)
}
