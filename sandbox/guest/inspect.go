package guest

import (
	"bufio"
	"bytes"
	"context"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// valueLimit is how much of a metadata value is shown, in bytes.
const valueLimit = 512

// inspect describes the header; unlike other questions it does not need a model that the engine runs.
func (g *guest) inspect() (wire.Message, error) {
	f, err := gguf.Parse(bytes.NewReader(g.file), int64(len(g.file)), gguf.Limits{})
	if err != nil {
		return nil, err
	}
	reply := wire.Inspection{
		Version: int(f.Version), Alignment: int64(f.Alignment), DataStart: f.DataOffset, //nolint:gosec // G115: the reader takes at most 1 MiB
	}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		reply.Metadata = append(reply.Metadata, wire.MetaEntry{Key: key, Type: v.Type.String(), Value: v.Text(valueLimit)})
	}
	for _, t := range f.Tensors {
		info := wire.TensorInfo{Name: t.Name, Type: t.Type.String(), Offset: t.Offset, Size: t.Size}
		for _, d := range t.Dims {
			info.Dims = append(info.Dims, int64(d)) //nolint:gosec // G115: the tensor lies inside a file
		}
		reply.Tensors = append(reply.Tensors, info)
	}
	template, _ := f.String("tokenizer.chat_template")
	reply.Template = template[:min(len(template), textLimit)]
	reply.Refusal = refusal(f, g.file)
	return reply, nil
}

// refusal says why the engine does not run a file, or nothing.
func refusal(f *gguf.File, file []byte) string {
	if err := engine.Known(f); err != nil {
		return err.Error()
	}
	if _, err := token.New(f); err != nil {
		return err.Error()
	}
	if _, err := engine.Load(f, file, engine.Config{}); err != nil {
		return err.Error()
	}
	return ""
}

// quantise writes the file anew; emit gets its parts.
func (g *guest) quantise(ctx context.Context, q wire.Quantise, emit func(string) error) (wire.Message, error) {
	target, err := quant.ParseFileType(q.Target)
	if err != nil {
		return nil, fail(wire.FailRequest, "%v", err)
	}
	out := &pieces{emit: emit}
	w := bufio.NewWriterSize(out, pieceSize)
	if err := quant.File(ctx, w, bytes.NewReader(g.file), int64(len(g.file)), quant.Options{FileType: target, Threads: g.threads}); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return wire.Quantised{Size: out.written}, nil
}

// pieceSize is the size of the parts that a new file is sent in, in bytes.
const pieceSize = 256 << 10

// pieces sends what is written to it.
type pieces struct {
	emit    func(string) error
	written int64
}

func (p *pieces) Write(b []byte) (int, error) {
	if err := p.emit(string(b)); err != nil {
		return 0, err
	}
	p.written += int64(len(b))
	return len(b), nil
}
