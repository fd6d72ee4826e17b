package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

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
	output   kernel.Matrix // [vocab][embed]; the embeddings again, if the file has no other
	norm     []float32
	layer    []layer
	rotation kernel.Rotation
	largest  int // columns of the widest matrix
	forms    forms

	computed atomic.Uint64 // positions, by all sequences

	mu   sync.Mutex
	idle []*runner // guarded by mu
}

// layer holds one block's weights.
type layer struct {
	attnNorm, ffNorm []float32
	q, k, v, o       kernel.Matrix
	gate, up, down   kernel.Matrix
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
	l := &loader{f: f, data: data, used: map[string]bool{}}
	m.readWeights(l)
	if name, there := unused(f, l.used); there && l.err == nil {
		l.err = fmt.Errorf("loading model: tensor %q has no part in the %s architecture as this engine knows it: %w", name, architecture, gguf.ErrUnsupported)
	}
	if l.err != nil {
		return nil, l.err
	}
	m.rotation = kernel.NewRotation(p.rotated, p.ropeBase)
	m.pack()
	return m, nil
}

// loader takes tensors from the file; its first error sticks.
type loader struct {
	f    *gguf.File
	data []byte
	used map[string]bool
	err  error
}

// take returns the tensor of that name and shape, rows last.
func (l *loader) take(name string, dims ...int) (*gguf.Tensor, bool) {
	if l.err != nil {
		return nil, false
	}
	t, ok := l.f.Tensor(name)
	if !ok {
		l.err = fmt.Errorf("loading model: tensor %s is missing: %w", name, gguf.ErrInvalid)
		return nil, false
	}
	if !slices.EqualFunc(t.Dims, dims, func(a uint64, b int) bool { return a == uint64(b) }) {
		l.err = fmt.Errorf("loading model: tensor %s has shape %v, not %v: %w", name, t.Dims, dims, gguf.ErrInvalid)
		return nil, false
	}
	l.used[name] = true
	return t, true
}

func (l *loader) matrix(name string, cols, rows int) kernel.Matrix {
	t, ok := l.take(name, cols, rows)
	if !ok {
		return kernel.Matrix{}
	}
	m, err := kernel.NewMatrix(t.Type, rows, cols, l.data[t.Offset:t.Offset+t.Size])
	if err != nil {
		l.err = fmt.Errorf("loading model: tensor %s: %w", name, err)
	}
	return m
}

// vector copies a tensor of type F32, the only type that norms are stored in.
func (l *loader) vector(name string, n int) []float32 {
	t, ok := l.take(name, n)
	if !ok {
		return nil
	}
	if t.Type != gguf.F32 {
		l.err = fmt.Errorf("loading model: tensor %s has type %v; supported for norms: F32: %w", name, t.Type, gguf.ErrUnsupported)
		return nil
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(l.data[t.Offset+int64(4*i):]))
	}
	return v
}

func (m *Model) readWeights(l *loader) {
	kv := m.kvHeads * m.head
	m.embedded = l.matrix("token_embd.weight", m.embed, m.vocab)
	m.norm = l.vector("output_norm.weight", m.embed)
	m.output = m.embedded
	if _, own := l.f.Tensor("output.weight"); own {
		m.output = l.matrix("output.weight", m.embed, m.vocab)
	}
	for i := 0; i < m.layers && l.err == nil; i++ {
		blk := fmt.Sprintf("blk.%d.", i)
		y := layer{
			attnNorm: l.vector(blk+"attn_norm.weight", m.embed),
			q:        l.matrix(blk+"attn_q.weight", m.embed, m.heads*m.head),
			k:        l.matrix(blk+"attn_k.weight", m.embed, kv),
			v:        l.matrix(blk+"attn_v.weight", m.embed, kv),
			o:        l.matrix(blk+"attn_output.weight", m.heads*m.head, m.embed),
			ffNorm:   l.vector(blk+"ffn_norm.weight", m.embed),
			gate:     l.matrix(blk+"ffn_gate.weight", m.embed, m.ff),
			up:       l.matrix(blk+"ffn_up.weight", m.embed, m.ff),
			down:     l.matrix(blk+"ffn_down.weight", m.ff, m.embed),
		}
		m.forms.norm |= y.q.Form() | y.k.Form() | y.v.Form() | y.gate.Form() | y.up.Form()
		m.forms.attn |= y.o.Form()
		m.forms.ff |= y.down.Form()
		m.layer = append(m.layer, y)
	}
	m.forms.norm |= m.output.Form()
	m.largest = max(m.embed, m.heads*m.head, m.ff)
}

// mostPacked is the size of weights, in bytes, up to which they are kept in a second, quicker layout. Larger models are
// slowed down by memory, not by arithmetic, and would need twice as much of it.
const mostPacked = 64 << 20

func (m *Model) pack() {
	all := []*kernel.Matrix{&m.output}
	for i := range m.layer {
		y := &m.layer[i]
		all = append(all, &y.q, &y.k, &y.v, &y.o, &y.gate, &y.up, &y.down)
	}
	size := 0
	for _, w := range all {
		size += w.Size()
	}
	if size > mostPacked {
		return
	}
	for _, w := range all {
		w.Pack()
	}
}

// Context returns the most positions a sequence can have.
func (m *Model) Context() int { return m.context }

// VocabSize returns the number of tokens, and of logits a position.
func (m *Model) VocabSize() int { return m.vocab }

// EmbeddingSize returns the elements of an embedding.
func (m *Model) EmbeddingSize() int { return m.embed }

// Layers returns the number of blocks.
func (m *Model) Layers() int { return m.layers }

// Computed returns how many positions have been computed since the model was loaded, by all sequences.
func (m *Model) Computed() uint64 { return m.computed.Load() }

// Embedding returns the input embedding of a token, or nil for an id outside the vocabulary.
func (m *Model) Embedding(id int32) []float32 {
	if id < 0 || int(id) >= m.vocab {
		return nil
	}
	v := make([]float32, m.embed)
	m.embedded.Row(v, int(id), kernel.NewScratch(m.embed))
	return v
}
