package guest

import (
	"context"

	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// generate completes a prompt. emit, used if the request streams, is called with pieces of text.
func (m *model) generate(ctx context.Context, q wire.Generate, emit func(string) error) (wire.Message, error) {
	if err := checkGenerate(q); err != nil {
		return nil, err
	}
	prompt, err := m.prompt(q)
	if err != nil {
		return nil, err
	}
	if !q.Stream {
		emit = func(string) error { return nil }
	}
	out, err := newOutput(q.Stop, emit)
	if err != nil {
		return nil, err
	}
	next, err := m.chooser(q, prompt)
	if err != nil {
		return nil, err
	}
	t, logits, err := m.prefill(ctx, prompt)
	if err != nil {
		return nil, err
	}
	done := wire.Completion{PromptTokens: len(prompt), Finish: wire.FinishLength}
	for done.OutputTokens < q.MaxTokens {
		id, err := next.choose(logits)
		if err != nil {
			return nil, err
		}
		if m.tokens.EndOfGeneration(id) {
			done.Finish = wire.FinishStop
			break
		}
		done.OutputTokens++
		stopped, err := out.add(m.text(id))
		if err != nil {
			return nil, err
		}
		if stopped {
			done.Finish = wire.FinishStop
			break
		}
		if done.OutputTokens == q.MaxTokens || len(t.tokens) == m.engine.Context() {
			break
		}
		if logits, err = t.extend(ctx, []int32{id}, engine.Last); err != nil {
			return nil, err
		}
	}
	if err := out.flush(); err != nil {
		return nil, err
	}
	done.Text = string(out.text)
	return done, nil
}

// text is what a token adds to a completion; control tokens add nothing.
func (m *model) text(id int32) []byte {
	if m.tokens.IsControl(id) {
		return nil
	}
	return m.tokens.Piece(id)
}

func checkGenerate(q wire.Generate) error {
	switch {
	case q.MaxTokens < 1:
		return fail(wire.FailRequest, "max tokens %d, want at least 1", q.MaxTokens)
	case len(q.Messages) > 0 && q.Prompt != "":
		return fail(wire.FailRequest, "both messages and a prompt")
	default:
		return nil
	}
}

// prefill returns a text that holds prompt and the logits after it.
func (m *model) prefill(ctx context.Context, prompt []int32) (*text, []float32, error) {
	if len(prompt) == 0 {
		return nil, nil, fail(wire.FailRequest, "the prompt has no tokens")
	}
	if len(prompt) > m.engine.Context() {
		return nil, nil, fail(wire.FailTooLarge, "prompt of %d tokens, the model's context has %d", len(prompt), m.engine.Context())
	}
	t := m.memory.begin(m.engine, prompt)
	logits, err := t.extend(ctx, prompt[len(t.tokens):], engine.Last)
	return t, logits, err
}

func (t *text) extend(ctx context.Context, tokens []int32, want engine.Want) ([]float32, error) {
	logits, err := t.seq.Append(ctx, tokens, want)
	if err != nil {
		return nil, err
	}
	t.tokens = append(t.tokens, tokens...)
	return logits, nil
}

// output collects the text of a completion and emits what can no longer change.
type output struct {
	stop *sample.Stop
	emit func(string) error
	text []byte
}

func newOutput(stops []string, emit func(string) error) (*output, error) {
	stop, err := sample.NewStop(stops)
	if err != nil {
		return nil, fail(wire.FailRequest, "%v", err)
	}
	return &output{stop: stop, emit: emit}, nil
}

func (o *output) add(piece []byte) (stopped bool, err error) {
	text, stopped := o.stop.Add(piece)
	return stopped, o.send(text)
}

func (o *output) flush() error { return o.send(o.stop.Flush()) }

func (o *output) send(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	o.text = append(o.text, text...)
	return o.emit(string(text))
}
