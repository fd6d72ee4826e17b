package sandbox

import (
	"context"
	"fmt"
	"io"

	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// Inspection is what the header of a model file says. Its strings are cleaned but for Template, which is the file's own text.
type Inspection = wire.Inspection

// Inspect describes the header of a model file, which the engine need not be able to run.
func (s *Session) Inspect(ctx context.Context) (Inspection, error) {
	return ask[wire.Inspection](ctx, s, wire.Inspect{}, nil, nil)
}

// Quantise writes the model with weights of another type, named as in "Q4_K_M", to w, and returns
// its size in bytes. progress, if not nil, gets the bytes written so far. Limits.Output has to allow for the whole file.
func (s *Session) Quantise(ctx context.Context, target string, w io.Writer, progress func(written int64)) (int64, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	written := int64(0)
	piece := func(text string) {
		n, err := io.WriteString(w, text)
		if err != nil {
			stop(fmt.Errorf("write the new file: %w", err))
		}
		if written += int64(n); progress != nil {
			progress(written)
		}
	}
	check := func(m wire.Quantised) error {
		if ctx.Err() == nil && m.Size != written { // else pieces were dropped here
			return violated("sends %d bytes of a file of %d", written, m.Size)
		}
		return nil
	}
	_, err := ask(ctx, s, wire.Quantise{Target: target}, check, piece)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return written, err
}
