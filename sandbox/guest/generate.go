package guest

import (
	"context"

	"github.com/hallmark-ml/hallmark/engine/batch"
	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// generate completes a prompt. emit, used if the request streams, is called with pieces of text.
func (m *model) generate(ctx context.Context, q wire.Generate, emit func(string) error) (wire.Message, error) {
	if !q.Stream {
		emit = nil
	}
	w, err := m.write(q, emit)
	if err != nil {
		return nil, err
	}
	results, err := m.texts.Generate(ctx, []batch.Request{w.request})
	if err != nil {
		return nil, err
	}
	return w.completion(results[0])
}

// generateAll completes prompts together. What one cannot do, or may not, is that one's answer.
func (m *model) generateAll(ctx context.Context, q wire.GenerateAll) (wire.Message, error) {
	reply := wire.Answers{Answers: make([]wire.Answer, len(q.Requests))}
	var requests []batch.Request
	var writings []*writing
	var places []int // of requests in q
	for i, one := range q.Requests {
		w, err := m.write(one, nil)
		if err != nil {
			reply.Answers[i] = answer(nil, err)
			continue
		}
		w.request.Once = true
		requests, writings, places = append(requests, w.request), append(writings, w), append(places, i)
	}
	results, err := m.texts.Generate(ctx, requests)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		reply.Answers[i] = answer(writings[k].completion(results[k]))
	}
	return reply, nil
}

func answer(m wire.Message, err error) wire.Answer {
	if err != nil {
		f := failure(err)
		return wire.Answer{Failure: &f}
	}
	done, _ := m.(wire.Completion)
	return wire.Answer{Completion: done}
}

// writing is a completion under way.
type writing struct {
	m       *model
	request batch.Request
	out     *output
	choice  *chooser
	err     error // that ended it
}

func (m *model) write(q wire.Generate, emit func(string) error) (*writing, error) {
	if err := checkGenerate(q); err != nil {
		return nil, err
	}
	read, err := m.prompt(q)
	if err != nil {
		return nil, err
	}
	prompt := ids(read)
	if len(prompt) == 0 {
		return nil, fail(wire.FailRequest, "the prompt has no tokens")
	}
	w := &writing{m: m}
	if w.out, err = newOutput(q.Stop, emit); err != nil {
		return nil, err
	}
	if w.choice, err = m.chooser(q, prompt); err != nil {
		return nil, err
	}
	w.request = batch.Request{Prompt: prompt, MaxTokens: q.MaxTokens, Next: w.next, Stop: w.ends, Emit: w.emit}
	return w, nil
}

// next chooses a token. A mistake of the choice ends the text: [writing.ends] is asked next.
func (w *writing) next(logits []float32) int32 {
	id, err := w.choice.choose(logits)
	w.err = err
	return id
}

func (w *writing) ends(id int32) bool { return w.err != nil || w.m.tokens.EndOfGeneration(id) }

func (w *writing) emit(id int32) bool {
	stopped, err := w.out.add(w.m.text(id))
	w.err = err
	return !stopped && err == nil
}

func (w *writing) completion(r batch.Result) (wire.Message, error) {
	w.m.spent.Read += int64(len(w.request.Prompt))
	w.m.spent.Reused += int64(r.Reused)
	w.m.spent.Written += int64(len(r.Tokens))
	err := r.Err
	if err == nil {
		err = w.err
	}
	if err == nil {
		err = w.out.flush()
	}
	if err != nil {
		return nil, err
	}
	done := wire.Completion{Text: string(w.out.text), PromptTokens: len(w.request.Prompt), OutputTokens: len(r.Tokens), Finish: wire.FinishStop}
	if r.Finish == batch.Length {
		done.Finish = wire.FinishLength
	}
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

// output collects the text of a completion and emits what can no longer change.
type output struct {
	stop *sample.Stop
	emit func(string) error // nil: nobody reads along
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
	o.text = append(o.text, text...)
	if len(text) == 0 || o.emit == nil {
		return nil
	}
	return o.emit(string(text))
}
