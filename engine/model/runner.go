package model

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

const (
	mostPositions = 64      // computed at a time
	scratchFloats = 1 << 24 // of all positions together; wide models take fewer positions at a time
	minWork       = 1 << 22 // multiplications that are worth a second thread
)

// runner computes up to most positions of one sequence at a time. All workers run the same steps, each on its share of
// positions or of matrix rows, with a barrier between steps that read what others wrote. How work is shared changes no
// result: every element is computed by one worker from start to end.
type runner struct {
	m       *Model
	most    int
	x       []float32       // [most][embed], the residual stream
	h       *kernel.Vectors // normed x
	att     *kernel.Vectors // [most][heads*head]
	act     *kernel.Vectors // [most][ff]
	q, k, v []float32       // [most][heads*head], and two of [most][kvHeads*head]
	out     []float32       // [most][embed], of the last matrix of attention and of feed-forward
	gate    []float32       // [most][ff]
	up      []float32       // [most][ff]
	angles  []float32       // [most][rotated]
	workers []worker

	// The current call.
	seq       *Sequence
	in        input
	from, pos int             // index of the first of n positions in the input and in the sequence
	n         int             // positions
	logits    []float32       // [n][vocab], [1][vocab] or nil
	done      <-chan struct{} // closed when the caller gives up
	active    int             // workers

	meet    *barrier
	stopped atomic.Bool
	running sync.WaitGroup
}

// worker is what a thread has for itself.
type worker struct {
	scratch *kernel.Scratch
	scores  []float32 // one head's attention
	run     func()
}

func newRunner(m *Model) *runner {
	wide, kv := m.heads*m.head, m.kvHeads*m.head
	floats := 3*m.embed + 2*wide + 2*kv + 3*m.ff + m.rotated
	n := max(1, min(mostPositions, scratchFloats/floats))
	r := &runner{
		m: m, most: n,
		x: make([]float32, n*m.embed), out: make([]float32, n*m.embed),
		h:   kernel.NewVectors(n, m.embed, m.forms.norm),
		att: kernel.NewVectors(n, wide, m.forms.attn),
		act: kernel.NewVectors(n, m.ff, m.forms.ff),
		q:   make([]float32, n*wide), k: make([]float32, n*kv), v: make([]float32, n*kv),
		gate: make([]float32, n*m.ff), up: make([]float32, n*m.ff),
		angles:  make([]float32, n*m.rotated),
		workers: make([]worker, m.threads),
		meet:    newBarrier(),
	}
	for w := range r.workers {
		r.workers[w].scratch = kernel.NewScratch(m.largest)
		r.workers[w].run = func() {
			defer r.running.Done()
			r.work(w)
		}
	}
	return r
}

// acquire returns a runner that nobody uses, for sequences of up to length positions.
func (m *Model) acquire(length int) *runner {
	m.mu.Lock()
	var r *runner
	if n := len(m.idle); n > 0 {
		r, m.idle = m.idle[n-1], m.idle[:n-1]
	}
	m.mu.Unlock()
	if r == nil {
		r = newRunner(m)
	}
	for w := range r.workers {
		if p := &r.workers[w].scores; len(*p) < length {
			*p = make([]float32, min(m.context, 2*length))
		}
	}
	return r
}

func (m *Model) release(r *runner) {
	r.seq, r.in, r.logits, r.done = nil, input{}, nil, nil
	m.mu.Lock()
	m.idle = append(m.idle, r)
	m.mu.Unlock()
}

// run computes the current call; its error is that of ctx.
func (r *runner) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := r.m
	work := r.n * m.layers * m.embed * (2*m.heads*m.head + 2*m.kvHeads*m.head + 3*m.ff)
	r.active = min(len(r.workers), 1+work/minWork)
	r.done = ctx.Done()
	r.stopped.Store(false)
	r.running.Add(r.active - 1)
	for w := 1; w < r.active; w++ {
		go r.workers[w].run()
	}
	r.work(0)
	r.running.Wait()
	if r.stopped.Load() {
		return ctx.Err()
	}
	return nil
}

// work is what worker w does in a call.
func (r *runner) work(w int) {
	m := r.m
	for t := w; t < r.n; t += r.active {
		m.rotation.Table(r.angles[t*m.rotated:][:m.rotated], r.pos+t)
		x := r.row(r.x, m.embed, t)
		if r.in.tokens != nil {
			m.embedded.Row(x, int(r.in.tokens[r.from+t]), r.workers[w].scratch)
		} else {
			copy(x, r.in.embeddings[(r.from+t)*m.embed:])
		}
	}
	n := r.n
	for i := range m.layer {
		if n = r.attention(w, i); n == 0 {
			return
		}
		r.feedForward(w, &m.layer[i], n)
	}
	r.finish(w, n)
}

// attention computes block i's attention, to be added to x. It returns the number of positions, at the beginning of x, that
// go on. In the last block keys and values are all that is wanted of positions without logits, and the others move up.
// When the caller has given up it is 0.
func (r *runner) attention(w, i int) int {
	m, y := r.m, &r.m.layer[i]
	for t := w; t < r.n; t += r.active {
		kernel.RMSNorm(r.h.Row(t), r.row(r.x, m.embed, t), y.attnNorm, m.epsilon)
		r.h.Quantise(t)
	}
	if w == 0 && r.givenUp() {
		r.stopped.Store(true)
	}
	r.meet.wait(r.active)
	if r.stopped.Load() {
		return 0
	}
	r.mul(w, &y.q, r.q, r.h, r.n)
	r.mul(w, &y.k, r.k, r.h, r.n)
	r.mul(w, &y.v, r.v, r.h, r.n)
	r.meet.wait(r.active)
	for t := w; t < r.n; t += r.active {
		r.remember(t, i)
	}
	r.meet.wait(r.active)
	n := r.n
	if i == len(m.layer)-1 {
		if n = len(r.logits) / m.vocab; n == 0 {
			return 0
		}
	}
	skip := r.n - n
	if w == 0 && skip > 0 {
		copy(r.x, r.x[skip*m.embed:r.n*m.embed])
	}
	for head := w; head < n*m.heads; head += r.active {
		r.attend(w, head/m.heads, skip, head%m.heads, i)
	}
	r.meet.wait(r.active)
	for t := w; t < n; t += r.active {
		r.att.Quantise(t)
	}
	r.meet.wait(r.active)
	r.mul(w, &y.o, r.out, r.att, n)
	r.meet.wait(r.active)
	return n
}

// feedForward adds the attention's output to x, and then block y's gated feed-forward layer, for n positions.
func (r *runner) feedForward(w int, y *layer, n int) {
	m := r.m
	for t := w; t < n; t += r.active {
		x := r.row(r.x, m.embed, t)
		kernel.Add(x, r.row(r.out, m.embed, t))
		kernel.RMSNorm(r.h.Row(t), x, y.ffNorm, m.epsilon)
		r.h.Quantise(t)
	}
	r.meet.wait(r.active)
	r.mul(w, &y.gate, r.gate, r.h, n)
	r.mul(w, &y.up, r.up, r.h, n)
	r.meet.wait(r.active)
	for t := w; t < n; t += r.active {
		kernel.SwiGLU(r.act.Row(t), r.row(r.gate, m.ff, t), r.row(r.up, m.ff, t))
		r.act.Quantise(t)
	}
	r.meet.wait(r.active)
	r.mul(w, &y.down, r.out, r.act, n)
	r.meet.wait(r.active)
	for t := w; t < n; t += r.active {
		kernel.Add(r.row(r.x, m.embed, t), r.row(r.out, m.embed, t))
	}
}

// finish computes the logits of n positions.
func (r *runner) finish(w, n int) {
	m := r.m
	r.meet.wait(r.active) // others may have written to x
	for t := w; t < n; t += r.active {
		kernel.RMSNorm(r.h.Row(t), r.row(r.x, m.embed, t), m.norm, m.epsilon)
		r.h.Quantise(t)
	}
	r.meet.wait(r.active)
	r.mul(w, &m.output, r.logits, r.h, n)
}

// row returns row t of a matrix with rows of size elements.
func (r *runner) row(x []float32, size, t int) []float32 { return x[t*size:][:size:size] }

// mul computes worker w's share of the rows of dst.
func (r *runner) mul(w int, m *kernel.Matrix, dst []float32, x *kernel.Vectors, n int) {
	groups := (m.Rows + kernel.Group - 1) / kernel.Group
	lo, hi := groups*w/r.active, groups*(w+1)/r.active
	m.Mul(dst, x, n, lo*kernel.Group, min(hi*kernel.Group, m.Rows), r.workers[w].scratch)
}

func (r *runner) givenUp() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// remember rotates queries and keys of position t and stores keys and values in the sequence, for block i.
func (r *runner) remember(t, i int) {
	m := r.m
	angles := r.row(r.angles, m.rotated, t)
	q := r.row(r.q, m.heads*m.head, t)
	for h := range m.heads {
		kernel.Rotate(q[h*m.head:], angles)
	}
	p := r.seq.pages[(r.pos+t)/pageLen]
	k, v := r.row(r.k, m.kvHeads*m.head, t), r.row(r.v, m.kvHeads*m.head, t)
	for h := range m.kvHeads {
		at := ((i*m.kvHeads+h)*pageLen + (r.pos+t)%pageLen) * m.head
		kernel.Rotate(k[h*m.head:], angles)
		copy(p.k[at:][:m.head], k[h*m.head:])
		copy(p.v[at:][:m.head], v[h*m.head:])
	}
}

// attend computes head h of position skip+t in block i over all positions up to its own, into row t.
func (r *runner) attend(w, t, skip, h, i int) {
	m := r.m
	length := r.pos + skip + t + 1
	scores := r.workers[w].scores[:length]
	at := (i*m.kvHeads + h/(m.heads/m.kvHeads)) * pageLen * m.head
	q := r.q[((skip+t)*m.heads+h)*m.head:][:m.head]
	for from := 0; from < length; from += pageLen {
		kernel.DotRows(scores[from:min(from+pageLen, length)], r.seq.pages[from/pageLen].k[at:], m.head, q)
	}
	kernel.Scale(scores, float32(1/math.Sqrt(float64(m.head))))
	f := kernel.SoftMax(scores)
	out := r.att.Row(t)[h*m.head:][:m.head]
	clear(out)
	for from := 0; from < length; from += pageLen {
		kernel.AddRows(out, r.seq.pages[from/pageLen].v[at:], m.head, scores[from:min(from+pageLen, length)])
	}
	kernel.Scale(out, f)
}
