package quant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Options of [File].
type Options struct {
	// FileType is what to write. Required in so far as the zero value writes F32.
	FileType FileType
	// Threads is how many goroutines compute. Optional; GOMAXPROCS if it is not positive. The written bytes do not depend on it.
	Threads int
	// Progress is called after each part of a tensor, one call at a time, from the goroutine that called [File]. Optional.
	Progress func(Progress)
}

// Progress says how far [File] has come.
type Progress struct {
	Tensor   string
	From, To gguf.Type
	Done     int64 // elements written, of all tensors
	Total    int64
}

const (
	keyVersion  = "general.quantization_version"
	keyFileType = "general.file_type"
	version     = uint32(2) // of the block formats
)

// replaced are the metadata keys that a written file does not have from the file it was made of: those that are set anew, and
// those that say which part of a divided model a file was.
func replaced(key string) bool {
	switch key {
	case keyVersion, keyFileType, "split.no", "split.count", "split.tensors.count":
		return true
	default:
		return false
	}
}

// File reads a GGUF file of size bytes and writes it to w with its weights quantised. What it writes is, byte for byte, what
// llama-quantize of llama.cpp v0.5.0 writes without an importance matrix, as far as the package comment promises; unlike it, it
// keeps to an alignment that the file names and keeps text behind a zero byte in metadata.
//
// Weights of the source are F32, F16 or BF16; a tensor of another type is copied if that is its type in the written file too,
// and else refused with [ErrType]. Other errors are those of [gguf.Parse], of r and w, the context's, and [*ValueError].
// Memory stays at a few megabytes a thread, whatever the size of the tensors.
func File(ctx context.Context, w io.Writer, r io.ReaderAt, size int64, o Options) error {
	to, ok := o.FileType.format()
	if !ok {
		return fmt.Errorf("quantising to %v: %w", o.FileType, ErrType)
	}
	f, err := gguf.Parse(r, size, gguf.Limits{})
	if err != nil {
		return fmt.Errorf("quantising: %w", err)
	}
	j := &job{ctx: ctx, r: r, progress: o.Progress, threads: o.Threads}
	if j.threads <= 0 {
		j.threads = runtime.GOMAXPROCS(0)
	}
	contents, err := j.plan(f, newMixer(f, to))
	if err != nil {
		return fmt.Errorf("quantising: %w", err)
	}
	if err := gguf.Write(w, entries(f, o.FileType), contents); err != nil {
		return fmt.Errorf("quantising: %w", err)
	}
	return nil
}

func entries(f *gguf.File, to FileType) []gguf.Entry {
	var list []gguf.Entry
	for _, key := range f.Keys() {
		if v, ok := f.Value(key); ok && !replaced(key) {
			list = append(list, gguf.Entry{Key: key, Value: v})
		}
	}
	return append(list, gguf.Entry{Key: keyVersion, Value: version}, gguf.Entry{Key: keyFileType, Value: uint32(to)})
}

// job is one call of [File].
type job struct {
	ctx      context.Context //nolint:containedctx // lives as long as the call that was given it
	r        io.ReaderAt
	progress func(Progress)
	threads  int
	at       Progress
}

// plan returns what to write: every tensor with its type and the function that makes its bytes.
func (j *job) plan(f *gguf.File, m *mixer) ([]gguf.Content, error) {
	var order []*gguf.Tensor
	for i := range f.Tensors {
		order = append(order, &f.Tensors[i])
	}
	slices.SortFunc(order, byLayer)
	var contents []gguf.Content
	for _, t := range order {
		typ, err := m.choose(t)
		if err != nil {
			return nil, err
		}
		p, err := newPiecework(t, typ)
		if err != nil {
			return nil, fmt.Errorf("tensor %.64q: %w", t.Name, err)
		}
		j.at.Total += p.elements()
		contents = append(contents, gguf.Content{
			Name: t.Name, Dims: significant(t.Dims), Type: typ,
			Fill: func(w io.Writer) error { return j.write(w, p) },
		})
	}
	return contents, nil
}

// partElements is about how many elements are quantised at a time; a part has whole rows.
const partElements = 64 << 10

// piecework is a tensor in parts that can be made in any order.
type piecework struct {
	from       *gguf.Tensor
	to         gguf.Type
	row        int64 // elements of a row
	rows, part int64 // rows of the tensor and of a part
}

func newPiecework(t *gguf.Tensor, to gguf.Type) (*piecework, error) {
	if t.Type != to {
		switch t.Type {
		case gguf.F32, gguf.F16, gguf.BF16:
		default:
			return nil, fmt.Errorf("from %v to %v: %w", t.Type, to, ErrType)
		}
	}
	p := &piecework{from: t, to: to, row: int64(t.Dims[0]), rows: 1}
	for _, n := range t.Dims[1:] {
		p.rows *= int64(n)
	}
	p.part = max(1, partElements/p.row)
	return p, nil
}

func (p *piecework) elements() int64 { return p.row * p.rows }

// parts is how many parts there are.
func (p *piecework) parts() int { return int((p.rows + p.part - 1) / p.part) }

// span returns the first row of part i and how many rows it has.
func (p *piecework) span(i int) (first, n int64) {
	first = int64(i) * p.part
	return first, min(p.part, p.rows-first)
}

// bytes returns how many bytes n rows of type t are.
func (p *piecework) bytes(t gguf.Type, n int64) int64 {
	block, size := t.Block()
	return n * (p.row / int64(block)) * int64(size)
}

// bench is where a goroutine works.
type bench struct {
	in     []byte
	floats []float32
}

// grown returns s with n elements of any content.
func grown[T any](s []T, n int64) []T {
	if int64(cap(s)) < n {
		return make([]T, n)
	}
	return s[:n]
}

// make returns the bytes of part i, in out if they fit.
func (p *piecework) make(r io.ReaderAt, i int, b *bench, out []byte) ([]byte, error) {
	first, n := p.span(i)
	b.in = grown(b.in, p.bytes(p.from.Type, n))
	if read, err := r.ReadAt(b.in, p.from.Offset+p.bytes(p.from.Type, first)); read < len(b.in) {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if p.from.Type == p.to {
		if err := verify(p.to, b.in); err != nil {
			return nil, located(err, first*p.row)
		}
		return append(out[:0], b.in...), nil
	}
	b.floats = grown(b.floats, n*p.row)
	if err := Dequantise(b.floats, p.from.Type, b.in); err != nil {
		return nil, err
	}
	out = grown(out, p.bytes(p.to, n))
	if err := Quantise(out, p.to, b.floats); err != nil {
		return nil, located(err, first*p.row)
	}
	return out, nil
}

// located moves the index of a [*ValueError] from a part to its tensor.
func located(err error, offset int64) error {
	if bad, ok := errors.AsType[*ValueError](err); ok {
		bad.Index += int(offset)
	}
	return err
}

// verify checks a tensor that is copied for what [Quantise] refuses to write.
func verify(t gguf.Type, b []byte) error {
	c, ok := coderOf(t)
	if !ok {
		return nil
	}
	n, size := t.Block()
	i := unusable(t, b, c.scales, size)
	if i < 0 {
		return nil
	}
	x := make([]float32, n)
	c.dequantise(x, b[i*size:][:size])
	return &ValueError{Type: t, Index: i * n, Value: x[0], Kind: ErrNotFinite}
}

// write makes the parts of p, as many at a time as there are goroutines, and writes them in order. The error is that of the first
// part that has one.
func (j *job) write(w io.Writer, p *piecework) error {
	j.at.Tensor, j.at.From, j.at.To = p.from.Name, p.from.Type, p.to
	count := p.parts()
	benches := make([]bench, min(j.threads, count))
	made, errs := make([][]byte, min(4*j.threads, count)), make([]error, min(4*j.threads, count))
	for from := 0; from < count; from += len(made) {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		n := min(len(made), count-from)
		var next atomic.Int64
		var wg sync.WaitGroup
		for b := range benches {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					made[i], errs[i] = p.make(j.r, from+i, &benches[b], made[i])
				}
			})
		}
		wg.Wait()
		for i := range n {
			if errs[i] != nil {
				return errs[i]
			}
			if _, err := w.Write(made[i]); err != nil {
				return err
			}
			j.report(p, from+i)
		}
	}
	return nil
}

func (j *job) report(p *piecework, part int) {
	_, n := p.span(part)
	j.at.Done += n * p.row
	if j.progress != nil {
		j.progress(j.at)
	}
}
