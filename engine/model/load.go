package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// Config tunes a model.
type Config struct {
	// Threads computes one call on so many threads; 1 if 0. It changes no bit of the result.
	Threads int
	// Context shortens the model's context; 0 leaves it.
	Context int
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	if c.Threads < 0 || c.Threads > 1024 {
		errs = append(errs, fmt.Errorf("threads %d is not in 0..1024", c.Threads))
	}
	if c.Context < 0 {
		errs = append(errs, fmt.Errorf("context %d is negative", c.Context))
	}
	return errors.Join(errs...)
}

// Model is a loaded model. It is read-only and may serve many sequences at the same time.
type Model struct {
	params
	threads  int
	embedded kernel.Matrix // [vocab][embed]
	output   linear        // [vocab][embed]; the embeddings again, if the file has no other
	norm     []float32
	layer    []layer
	global   rotation // of blocks that see everything
	near     rotation // of the others
	largest  int      // columns of the widest matrix
	forms    forms

	computed counters

	mu    sync.Mutex
	idle  []*runner // guarded by mu
	spare []*page   // guarded by mu
}

// linear is a matrix and what is added to its product.
type linear struct {
	kernel.Matrix
	bias []float32 // nil: nothing
}

// layer holds one block's weights.
type layer struct {
	attnNorm, ffNorm         []float32
	attnPostNorm, ffPostNorm []float32 // nil: none
	qNorm, kNorm             []float32 // of each head; nil: none
	q, k, v, o               linear
	gate, up, down           linear
	local                    bool // sees the latest positions only
}

// forms says how the vectors at each point of a layer are multiplied.
type forms struct{ norm, attn, ff kernel.Form }

// Load makes a model of a parsed file and the bytes of the whole file, which it reads in place and keeps.
// A file that is wrong, that needs what the engine does not have, or that asks for too much is gguf.ErrInvalid,
// gguf.ErrUnsupported or gguf.ErrLimit; it costs no memory in proportion to what the file merely claims.
func Load(f *gguf.File, data []byte, cfg Config) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("loading model: %w", err)
	}
	if int64(len(data)) != f.Size {
		return nil, fmt.Errorf("loading model: %d bytes for a file of %d: %w", len(data), f.Size, gguf.ErrInvalid)
	}
	p, err := readParams(f)
	if err != nil {
		return nil, err
	}
	if cfg.Context > 0 {
		p.context = min(p.context, cfg.Context)
	}
	m := &Model{params: p, threads: max(1, cfg.Threads)}
	l := &loader{f: f, data: data, biases: p.arch.biases, used: map[string]bool{}}
	m.readWeights(l)
	factors := m.takeFactors(l)
	if name, there := unused(f, l.used); there {
		l.fail(gguf.ErrUnsupported, "tensor %q has no part in the %s architecture as this engine knows it", name, p.arch.name)
	}
	l.fill()
	m.readRotations(l, factors)
	if l.err != nil {
		return nil, l.err
	}
	m.pack()
	return m, nil
}

// loader takes tensors from the file; its first error sticks. It looks at no tensor's data before all of them are there and
// have the right shapes.
type loader struct {
	f    *gguf.File
	data []byte

	vectors []pending

	biases biases // that the architecture has
	used   map[string]bool
	err    error
}

// pending is a vector whose numbers are to be copied.
type pending struct {
	to   []float32
	from int64 // offset in the file
}

func (l *loader) fail(kind error, format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf("loading model: %s: %w", fmt.Sprintf(format, args...), kind)
	}
}

func (l *loader) has(name string) bool {
	_, ok := l.f.Tensor(name)
	return ok
}

// take returns the tensor of that name and shape, rows last.
func (l *loader) take(name string, dims ...int) (*gguf.Tensor, bool) {
	if l.err != nil {
		return nil, false
	}
	t, ok := l.f.Tensor(name)
	if !ok {
		l.fail(gguf.ErrInvalid, "tensor %s is missing", name)
		return nil, false
	}
	if !slices.EqualFunc(t.Dims, dims, func(a uint64, b int) bool { return a == uint64(b) }) {
		l.fail(gguf.ErrInvalid, "tensor %s has shape %v, not %v", name, t.Dims, dims)
		return nil, false
	}
	l.used[name] = true
	return t, true
}

func (l *loader) matrix(name string, cols, rows int) kernel.Matrix {
	var m kernel.Matrix
	l.stack(name, cols, []int{rows}, &m)
	return m
}

// stack takes a tensor that holds several matrices, one below the other.
func (l *loader) stack(name string, cols int, rows []int, to ...*kernel.Matrix) {
	total := 0
	for _, n := range rows {
		total += n
	}
	t, ok := l.take(name, cols, total)
	if !ok {
		return
	}
	at, row := t.Offset, t.Size/int64(total)
	for i, n := range rows {
		m, err := kernel.NewMatrix(t.Type, n, cols, l.data[at:at+row*int64(n)])
		if err != nil {
			l.err = fmt.Errorf("loading model: tensor %s: %w", name, err)
			return
		}
		at += row * int64(n)
		*to[i] = m
	}
}

// vector takes a tensor of type F32, the only type that norms and biases are stored in. Its numbers are there after fill.
func (l *loader) vector(name string, n int) []float32 {
	t, ok := l.take(name, n)
	if !ok {
		return nil
	}
	if t.Type != gguf.F32 {
		l.fail(gguf.ErrUnsupported, "tensor %s has type %v; supported for vectors: F32", name, t.Type)
		return nil
	}
	v := make([]float32, n)
	l.vectors = append(l.vectors, pending{v, t.Offset})
	return v
}

// fill copies the numbers of all vectors, unless there is an error.
func (l *loader) fill() {
	if l.err != nil {
		return
	}
	for _, p := range l.vectors {
		for i := range p.to {
			p.to[i] = math.Float32frombits(binary.LittleEndian.Uint32(l.data[p.from+int64(4*i):]))
		}
	}
}

// bias is vector for one that may be there in a place where the architecture has them, and nil otherwise.
func (l *loader) bias(place biases, name string, n int) []float32 {
	if l.biases&place == 0 || !l.has(name) {
		return nil
	}
	return l.vector(name, n)
}

// linear takes a matrix and its bias.
func (l *loader) linear(place biases, name string, cols, rows int) linear {
	return linear{Matrix: l.matrix(name+".weight", cols, rows), bias: l.bias(place, name+".bias", rows)}
}

func (m *Model) readWeights(l *loader) {
	m.embedded = l.matrix("token_embd.weight", m.embed, m.vocab)
	m.norm = l.vector("output_norm.weight", m.embed)
	m.output.Matrix = m.embedded
	if l.has("output.weight") && !m.arch.tied {
		m.output.Matrix = l.matrix("output.weight", m.embed, m.vocab)
	}
	m.output.bias = l.bias(outputBias, "output.bias", m.vocab)
	for i := 0; i < m.layers && l.err == nil; i++ {
		blk := fmt.Sprintf("blk.%d.", i)
		y := layer{
			attnNorm: l.vector(blk+"attn_norm.weight", m.embed),
			o:        l.linear(attentionOutputBias, blk+"attn_output", m.heads*m.head, m.embed),
			ffNorm:   l.vector(blk+"ffn_norm.weight", m.embed),
			down:     l.linear(feedForwardBias, blk+"ffn_down", m.ff, m.embed),
			local:    m.local != nil && m.local[i],
		}
		m.readProjections(l, blk, &y)
		m.readNorms(l, blk, &y)
		m.layer = append(m.layer, y)
	}
	if l.err == nil {
		m.readForms()
	}
}

func (m *Model) readForms() {
	for i := range m.layer {
		y := &m.layer[i]
		m.forms.norm |= y.q.Form() | y.k.Form() | y.v.Form() | y.gate.Form() | y.up.Form()
		m.forms.attn |= y.o.Form()
		m.forms.ff |= y.down.Form()
	}
	m.forms.norm |= m.output.Form()
	m.largest = max(m.embed, m.heads*m.head, m.ff)
}

// readProjections takes the matrices that a block's normed vectors are multiplied with.
func (m *Model) readProjections(l *loader, blk string, y *layer) {
	q, kv := m.heads*m.head, m.kvHeads*m.head
	if m.arch.fused && l.has(blk+"attn_qkv.weight") {
		l.stack(blk+"attn_qkv.weight", m.embed, []int{q, kv, kv}, &y.q.Matrix, &y.k.Matrix, &y.v.Matrix)
		if b := l.bias(qkvBias, blk+"attn_qkv.bias", q+2*kv); b != nil {
			y.q.bias, y.k.bias, y.v.bias = b[:q], b[q:q+kv], b[q+kv:]
		}
	} else {
		y.q = l.linear(qkvBias, blk+"attn_q", m.embed, q)
		y.k = l.linear(qkvBias, blk+"attn_k", m.embed, kv)
		y.v = l.linear(qkvBias, blk+"attn_v", m.embed, kv)
	}
	if some := y.q.bias != nil; some != (y.k.bias != nil) || some != (y.v.bias != nil) {
		l.fail(gguf.ErrInvalid, "some of the tensors %sattn_{q,k,v}.bias are missing", blk)
	}
	if m.arch.fused {
		l.stack(blk+"ffn_up.weight", m.embed, []int{m.ff, m.ff}, &y.gate.Matrix, &y.up.Matrix)
	} else {
		y.gate = l.linear(feedForwardBias, blk+"ffn_gate", m.embed, m.ff)
		y.up = l.linear(feedForwardBias, blk+"ffn_up", m.embed, m.ff)
	}
}

// readNorms takes a block's norms that not every architecture has.
func (m *Model) readNorms(l *loader, blk string, y *layer) {
	if m.arch.postNorms {
		y.attnPostNorm = l.vector(blk+"post_attention_norm.weight", m.embed)
		y.ffPostNorm = l.vector(blk+"post_ffw_norm.weight", m.embed)
	}
	if m.arch.headNorms {
		y.qNorm = l.vector(blk+"attn_q_norm.weight", m.head)
		y.kNorm = l.vector(blk+"attn_k_norm.weight", m.head)
	}
}

// divisors are tensors of divisors of the rotary positions' angles; nil where there is none.
type divisors struct{ all, short, long []float32 }

// takeFactors takes the divisors that the file has.
func (m *Model) takeFactors(l *loader) divisors {
	take := func(name string) []float32 {
		if !m.arch.factors || !l.has(name) {
			return nil
		}
		return l.vector(name, m.rotated/2)
	}
	return divisors{all: take(ropeFactors), short: take(shortFactors), long: take(longFactors)}
}

const (
	ropeFactors  = "rope_freqs.weight"
	shortFactors = "rope_factors_short.weight"
	longFactors  = "rope_factors_long.weight"
)

// readRotations makes the rotary positions. Of the two lists of factors for positions beyond the first training and for
// others, the context decides: one that is longer than the original takes the former for all positions.
func (m *Model) readRotations(l *loader, d divisors) {
	m.checkFactors(l, shortFactors, d.short)
	m.checkFactors(l, longFactors, d.long)
	m.checkFactors(l, ropeFactors, d.all)
	if l.err != nil {
		return
	}
	factors := d.all
	switch {
	case factors != nil:
	case m.context > m.scaling.original:
		factors = d.long
	default:
		factors = d.short
	}
	m.global = newRotation(m.rotated, m.ropeBase, m.scaling, factors)
	if s := m.scaling; m.local != nil {
		if m.arch.window.unscaled {
			s = scaling{factor: 1, magnitude: 1}
		}
		m.near = newRotation(m.rotated, m.windowBase, s, factors)
	}
}

// checkFactors refuses divisors that make an angle too large, or that are no numbers.
func (m *Model) checkFactors(l *loader, name string, v []float32) {
	for i, f := range v {
		if !(f >= float32(m.context)/MaxContext && f < 1<<30) {
			l.fail(gguf.ErrInvalid, "tensor %s has %v at %d", name, f, i)
			return
		}
	}
}

// Weights are kept in a second, quicker layout too if they are at most mostPacked bytes, or if that layout is hardly larger than
// they are, as that of Q8_0 is, and takes at most mostCopied bytes. Otherwise it takes up to four times as much: what does not stay
// in caches then takes longer to read than to make. Over mostPacked bytes calls of less than fewPacked tokens read the file's.
const (
	mostPacked = 8 << 20
	mostCopied = 256 << 20
	fewPacked  = 4
)

// matrices returns all matrices that a call multiplies with.
func (m *Model) matrices() []*kernel.Matrix {
	all := []*kernel.Matrix{&m.output.Matrix}
	for i := range m.layer {
		y := &m.layer[i]
		all = append(all, &y.q.Matrix, &y.k.Matrix, &y.v.Matrix, &y.o.Matrix, &y.gate.Matrix, &y.up.Matrix, &y.down.Matrix)
	}
	return all
}

func (m *Model) pack() {
	all, size, packed := m.matrices(), 0, 0
	for _, w := range all {
		size += w.Size()
		packed += w.PackedSize()
	}
	if !packs(size, packed) {
		return
	}
	least := 1
	if size > mostPacked {
		least = fewPacked
	}
	for _, w := range all {
		w.Pack(least)
	}
}

// packs tells whether it pays to keep so many bytes of weights in a quicker layout that takes so many.
func packs(size, packed int) bool {
	return size <= mostPacked || packed <= mostCopied && packed <= size+size/8
}

// Context returns the most positions a sequence can have.
func (m *Model) Context() int { return m.context }

// VocabSize returns the number of tokens, and of logits a position.
func (m *Model) VocabSize() int { return m.vocab }

// EmbeddingSize returns the elements of an embedding.
func (m *Model) EmbeddingSize() int { return m.embed }

// Layers returns the number of blocks.
func (m *Model) Layers() int { return m.layers }

// Embedding returns the input embedding of a token, as the first block gets it, or nil for an id outside the vocabulary.
func (m *Model) Embedding(id int32) []float32 {
	v := m.row(&m.embedded, id)
	if v != nil && m.inputScale != 0 {
		kernel.Scale(v, m.inputScale)
	}
	return v
}

// Unembedding returns the row of the output matrix whose product with the last hidden state, normed, is the logit of a token,
// or nil for an id outside the vocabulary.
func (m *Model) Unembedding(id int32) []float32 { return m.row(&m.output.Matrix, id) }

func (m *Model) row(w *kernel.Matrix, id int32) []float32 {
	if id < 0 || int(id) >= m.vocab {
		return nil
	}
	v := make([]float32, m.embed)
	w.Row(v, int(id), kernel.NewScratch(m.embed))
	return v
}
