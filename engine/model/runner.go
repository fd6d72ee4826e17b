package model

import (
	"context"
	"sync/atomic"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

const (
	mostPositions = 128     // computed at a time
	scratchFloats = 1 << 24 // of all positions together; wide models take fewer positions at a time
	minWork       = 1 << 22 // multiplications that are worth a second thread
	shares        = 16      // pieces a worker that the rows of a product are dealt out in
)

// runner computes up to most positions, of any sequences, at a time. All workers run the same steps, each taking positions,
// heads or rows of matrices, and wait for each other between steps that read what others wrote. Who computes what
// changes no result: every element is computed by one worker from start to end.
type runner struct {
	m       *Model
	most    int
	floats  int             // size of the buffers
	x       []float32       // [most][embed], the residual stream
	h       *kernel.Vectors // normed x
	att     *kernel.Vectors // [most][heads*head]
	act     *kernel.Vectors // [most][ff]
	q, k, v []float32       // [most][heads*head], and two of [most][kvHeads*head]
	out     []float32       // [most][embed], of the last matrix of attention and of feed-forward
	gate    []float32       // [most][ff]
	up      []float32       // [most][ff]
	turns   []float32       // [most][rotated], of blocks that see everything
	near    []float32       // the same for the others, if there are any
	logits  []float32       // [rows][vocab]
	worker  []worker
	crew    *crew
	dealt   []counter // rows given away, by product

	// The current call, up to most positions of it.
	parts  []Part
	slots  []slot
	every  []int         // all slots
	kept   []int         // those that go on behind the last block's keys and values
	rows   []row         // of logits, in the order of slots
	ranges [2][]together // of every and of kept
	done   <-chan struct{}
	active int // workers

	stopped atomic.Bool
}

// slot is one position that is computed.
type slot struct {
	part, index int // parts[part], and the position within it
	seq         *Sequence
	pos         int // within the sequence
}

// row is the place of a position's logits.
type row struct {
	kept int // index of kept
	to   []float32
}

// worker is what a thread has for itself.
type worker struct {
	scratch   *kernel.Scratch
	attention *kernel.Attention

	// Of one use of attention.
	queries      []kernel.Query
	keys, values [][]float32
}

// counter is alone on its cache line.
type counter struct {
	atomic.Int64
	_ [56]byte
}

func newRunner(m *Model) *runner {
	wide, kv := m.heads*m.head, m.kvHeads*m.head
	floats := 3*m.embed + 2*wide + 2*kv + 3*m.ff + 2*m.rotated
	n := max(1, min(mostPositions, scratchFloats/floats))
	r := &runner{
		m: m, most: n, floats: n * floats,
		x: make([]float32, n*m.embed), out: make([]float32, n*m.embed),
		h:   kernel.NewVectors(n, m.embed, m.forms.norm),
		att: kernel.NewVectors(n, wide, m.forms.attn),
		act: kernel.NewVectors(n, m.ff, m.forms.ff),
		q:   make([]float32, n*wide), k: make([]float32, n*kv), v: make([]float32, n*kv),
		gate: make([]float32, n*m.ff), up: make([]float32, n*m.ff),
		turns:  make([]float32, n*m.rotated),
		worker: make([]worker, m.threads),
		dealt:  make([]counter, productsOf(m.layers)),
		slots:  make([]slot, 0, n), every: make([]int, n), kept: make([]int, 0, n), rows: make([]row, 0, n),
	}
	for t := range r.every {
		r.every[t] = t
	}
	if m.local != nil {
		r.near = make([]float32, n*m.rotated)
	}
	for w := range r.worker {
		r.worker[w].scratch = kernel.NewScratch(m.largest)
		r.worker[w].attention = kernel.NewAttention(m.head, pageLen, m.queryScale, m.attentionCap)
	}
	r.crew = newCrew(m.threads, r.work)
	return r
}

// productsOf is the number of steps of a call that deal out rows: four a block, and the logits.
func productsOf(layers int) int { return 4*layers + 1 }

// acquire returns a runner that nobody uses.
func (m *Model) acquire() *runner {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.idle)
	if n == 0 {
		return newRunner(m)
	}
	r := m.idle[n-1]
	m.idle = m.idle[:n-1]
	return r
}

func (m *Model) release(r *runner) {
	r.parts, r.done = nil, nil
	clear(r.slots[:cap(r.slots)])
	clear(r.rows[:cap(r.rows)])
	for w := range r.worker {
		w := &r.worker[w]
		clear(w.keys[:cap(w.keys)])
		clear(w.values[:cap(w.values)])
	}
	m.mu.Lock()
	m.idle = append(m.idle, r)
	m.mu.Unlock()
}

// compute computes all positions of parts; its error is that of ctx.
func (r *runner) compute(ctx context.Context, parts []Part) error {
	r.parts, r.done = parts, ctx.Done()
	part, index := 0, 0
	for part < len(parts) {
		r.slots = r.slots[:0]
		for part < len(parts) && len(r.slots) < r.most {
			p := &parts[part]
			r.slots = append(r.slots, slot{part: part, index: index, seq: p.Sequence, pos: p.Sequence.n + index})
			if index++; index == p.positions() {
				part, index = part+1, 0
			}
		}
		r.keep()
		if err := r.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// keep lists which slots are needed to the end, and where their logits go.
func (r *runner) keep() {
	r.kept, r.rows = r.kept[:0], r.rows[:0]
	last := r.m.layers - 1
	for t, s := range r.slots {
		p := &r.parts[s.part]
		i, logits := p.wants(s.index)
		if !logits && !p.Hidden.wants(last, s.index) {
			continue
		}
		if logits {
			r.rows = append(r.rows, row{kept: len(r.kept), to: s.seq.logits[i*r.m.vocab:][:r.m.vocab]})
		}
		r.kept = append(r.kept, t)
	}
	r.logits = resize(r.logits, len(r.rows)*r.m.vocab)
	r.ranges[0] = r.rangesOf(r.ranges[0][:0], r.every[:len(r.slots)])
	r.ranges[1] = r.rangesOf(r.ranges[1][:0], r.kept)
}

// run computes the slots; its error is that of ctx.
func (r *runner) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := r.m
	work := len(r.slots) * m.layers * m.embed * (2*m.heads*m.head + 2*m.kvHeads*m.head + 3*m.ff)
	r.active = min(len(r.worker), 1+work/minWork)
	r.stopped.Store(false)
	for i := range r.dealt {
		r.dealt[i].Store(0)
	}
	r.crew.run(r.active)
	if r.stopped.Load() {
		return ctx.Err()
	}
	return nil
}

// work is what worker w does in a call.
func (r *runner) work(w int) {
	m := r.m
	for t := w; t < len(r.slots); t += r.active {
		r.begin(w, t)
	}
	for i := range m.layer {
		n := r.attention(w, i)
		if n == 0 {
			return
		}
		r.feedForward(w, i, n)
	}
	r.finish(w)
}

// begin sets position t of the stream to its embedding, and its angles.
func (r *runner) begin(w, t int) {
	m, s := r.m, r.slots[t]
	m.global.table(r.row(r.turns, m.rotated, t), s.pos)
	if r.near != nil {
		m.near.table(r.row(r.near, m.rotated, t), s.pos)
	}
	p, x := &r.parts[s.part], r.row(r.x, m.embed, t)
	if p.Embeddings != nil {
		copy(x, p.Embeddings[s.index*m.embed:])
	} else {
		m.embedded.Row(x, int(p.Tokens[s.index]), r.worker[w].scratch)
		if m.inputScale != 0 {
			kernel.Scale(x, m.inputScale)
		}
	}
	p.intervene(Input, s.index, x)
}

// attention computes block i's attention, to be added to x. It returns the number of positions, at the beginning of x, that
// go on. In the last block keys and values are all that is wanted of positions without logits, and the others move up.
// When the caller has given up it is 0.
func (r *runner) attention(w, i int) int {
	m, y := r.m, &r.m.layer[i]
	for t := w; t < len(r.slots); t += r.active {
		kernel.RMSNorm(r.h.Row(t), r.row(r.x, m.embed, t), y.attnNorm, m.epsilon)
		r.h.Quantise(t)
	}
	if w == 0 && r.givenUp() {
		r.stopped.Store(true)
	}
	r.crew.wait()
	if r.stopped.Load() {
		return 0
	}
	r.multiply(w, 4*i, r.h, len(r.slots), product{&y.q, r.q}, product{&y.k, r.k}, product{&y.v, r.v})
	r.crew.wait()
	for t := w; t < len(r.slots); t += r.active {
		r.remember(t, i)
	}
	r.crew.wait()
	rows, ranges := r.every[:len(r.slots)], r.ranges[0]
	if i == len(m.layer)-1 {
		if rows, ranges = r.kept, r.ranges[1]; len(rows) == 0 {
			return 0
		}
		if w == 0 {
			r.moveUp()
		}
	}
	for job := w; job < m.kvHeads*len(ranges); job += r.active { // a head of all sequences in a row: they may share pages
		r.attend(&r.worker[w], job/len(ranges), i, rows, ranges[job%len(ranges)])
	}
	n := len(rows)
	r.crew.wait()
	for t := w; t < n; t += r.active {
		r.att.Quantise(t)
	}
	r.crew.wait()
	r.multiply(w, 4*i+1, r.att, n, product{&y.o, r.out})
	r.crew.wait()
	return n
}

// moveUp brings the kept positions of the stream to its beginning.
func (r *runner) moveUp() {
	for j, t := range r.kept {
		copy(r.row(r.x, r.m.embed, j), r.row(r.x, r.m.embed, t))
	}
}

// feedForward adds the attention's output to x, and then block i's gated feed-forward layer, for n positions.
func (r *runner) feedForward(w, i, n int) {
	m, y := r.m, &r.m.layer[i]
	for t := w; t < n; t += r.active {
		x := r.row(r.x, m.embed, t)
		r.add(x, t, y.o.bias, y.attnPostNorm)
		kernel.RMSNorm(r.h.Row(t), x, y.ffNorm, m.epsilon)
		r.h.Quantise(t)
	}
	r.crew.wait()
	r.multiply(w, 4*i+2, r.h, n, product{&y.gate, r.gate}, product{&y.up, r.up})
	r.crew.wait()
	for t := w; t < n; t += r.active {
		r.activate(t, y)
	}
	r.crew.wait()
	r.multiply(w, 4*i+3, r.act, n, product{&y.down, r.out})
	r.crew.wait()
	for t := w; t < n; t += r.active {
		x := r.row(r.x, m.embed, t)
		r.add(x, t, y.down.bias, y.ffPostNorm)
		s := &r.slots[t]
		if i == len(m.layer)-1 {
			s = &r.slots[r.kept[t]]
		}
		r.parts[s.part].intervene(i, s.index, x)
	}
}

// add adds a matrix's output for position t to x, after a norm if there is one.
func (r *runner) add(x []float32, t int, bias, norm []float32) {
	out := r.row(r.out, r.m.embed, t)
	if bias != nil {
		kernel.Add(out, bias)
	}
	if norm != nil {
		kernel.RMSNorm(out, out, norm, r.m.epsilon)
	}
	kernel.Add(x, out)
}

// activate sets position t's input of the last matrix of a feed-forward layer.
func (r *runner) activate(t int, y *layer) {
	gate, up := r.row(r.gate, r.m.ff, t), r.row(r.up, r.m.ff, t)
	if y.gate.bias != nil {
		kernel.Add(gate, y.gate.bias)
	}
	if y.up.bias != nil {
		kernel.Add(up, y.up.bias)
	}
	if r.m.arch.gelu {
		kernel.GeGLU(r.act.Row(t), gate, up)
	} else {
		kernel.SwiGLU(r.act.Row(t), gate, up)
	}
	r.act.Quantise(t)
}

// finish computes the logits.
func (r *runner) finish(w int) {
	m := r.m
	r.crew.wait() // others may have written to x
	for j := w; j < len(r.rows); j += r.active {
		kernel.RMSNorm(r.h.Row(j), r.row(r.x, m.embed, r.rows[j].kept), m.norm, m.epsilon)
		r.h.Quantise(j)
	}
	r.crew.wait()
	r.multiply(w, 4*m.layers, r.h, len(r.rows), product{&m.output, r.logits})
	r.crew.wait()
	for j := w; j < len(r.rows); j += r.active {
		to := r.rows[j].to
		copy(to, r.row(r.logits, m.vocab, j))
		if m.output.bias != nil {
			kernel.Add(to, m.output.bias)
		}
		if m.finalCap != 0 {
			kernel.SoftCap(to, m.finalCap)
		}
	}
}

// row returns row t of a matrix with rows of size elements.
func (r *runner) row(x []float32, size, t int) []float32 { return x[t*size:][:size:size] }

// product is a matrix and where its products go.
type product struct {
	m   *linear
	dst []float32
}

// multiply computes products with the first n vectors of x, together with the other workers: each takes the next few rows
// until none are left. step numbers the calls.
func (r *runner) multiply(w, step int, x *kernel.Vectors, n int, products ...product) {
	if n == 0 {
		return
	}
	groups := 0
	for _, p := range products {
		groups += groupsOf(p.m.Rows)
	}
	piece := max(1, groups/(shares*r.active))
	if r.active == 1 {
		piece = groups
	}
	for {
		lo := int(r.dealt[step].Add(int64(piece))) - piece
		if lo >= groups {
			return
		}
		hi := min(lo+piece, groups)
		for _, p := range products {
			all := groupsOf(p.m.Rows)
			if from, to := max(lo, 0), min(hi, all); from < to {
				p.m.Mul(p.dst, x, n, from*kernel.Group, min(to*kernel.Group, p.m.Rows), r.worker[w].scratch)
			}
			lo, hi = lo-all, hi-all
		}
	}
}

func groupsOf(rows int) int { return (rows + kernel.Group - 1) / kernel.Group }

func (r *runner) givenUp() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}
