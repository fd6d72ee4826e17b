package guest

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/engine/template"
	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// failed is an error that is a reply.
type failed struct {
	kind wire.FailureKind
	text string
}

func (f *failed) Error() string { return f.text }

func fail(kind wire.FailureKind, format string, args ...any) error {
	return &failed{kind: kind, text: fmt.Sprintf(format, args...)}
}

// failure is how an error reads on the wire. What the engine rejects is the file's fault unless it says otherwise; what
// nobody thought of is ours.
func failure(err error) wire.Failure {
	if f, ok := errors.AsType[*failed](err); ok {
		return wire.Failure{Kind: f.kind, Text: f.text}
	}
	kinds := []struct {
		kind wire.FailureKind
		errs []error
	}{
		{wire.FailCanceled, []error{context.Canceled, context.DeadlineExceeded}},
		{wire.FailUnsupported, []error{gguf.ErrUnsupported, token.ErrUnsupported}},
		{wire.FailModel, []error{
			gguf.ErrInvalid, gguf.ErrLimit, token.ErrInvalid, token.ErrLimit, engine.ErrNotFinite,
			template.ErrSyntax, template.ErrForbidden, template.ErrBudget,
			quant.ErrNotFinite, quant.ErrRange, quant.ErrShape,
		}},
		{wire.FailTooLarge, []error{engine.ErrContext}},
		// A template refuses a chat that it is not made for, two turns of one role for example.
		{wire.FailRequest, []error{engine.ErrToken, engine.ErrInput, template.ErrRender, quant.ErrType}},
	}
	for _, k := range kinds {
		for _, e := range k.errs {
			if errors.Is(err, e) {
				return wire.Failure{Kind: k.kind, Text: err.Error()}
			}
		}
	}
	return wire.Failure{Kind: wire.FailInternal, Text: err.Error()}
}
