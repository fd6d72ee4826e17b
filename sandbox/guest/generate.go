package guest

import (
	"context"
	"strings"
	"unicode/utf8"

	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// limits of a generation's stop texts.
const (
	maxStops    = 16
	maxStopText = 256 // bytes
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
	t, logits, err := m.prefill(ctx, prompt)
	if err != nil {
		return nil, err
	}
	if !q.Stream {
		emit = func(string) error { return nil }
	}
	out := &output{stops: q.Stop, emit: emit}
	sampler := sample.New(sample.Config{Seed: q.Seed, Temperature: q.Temperature, TopK: q.TopK, TopP: q.TopP})
	done := wire.Completion{PromptTokens: len(prompt), Finish: wire.FinishLength}
	for done.OutputTokens < q.MaxTokens {
		id := sampler.Next(logits)
		if m.tokens.EndOfGeneration(id) {
			done.Finish = wire.FinishStop
			break
		}
		done.OutputTokens++
		if !m.tokens.IsControl(id) {
			stopped, err := out.add(m.tokens.Piece(id))
			if err != nil {
				return nil, err
			}
			if stopped {
				done.Finish = wire.FinishStop
				break
			}
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

func checkGenerate(q wire.Generate) error {
	switch {
	case q.MaxTokens < 1:
		return fail(wire.FailRequest, "max tokens %d, want at least 1", q.MaxTokens)
	case len(q.Messages) > 0 && q.Prompt != "":
		return fail(wire.FailRequest, "both messages and a prompt")
	case len(q.Stop) > maxStops:
		return fail(wire.FailRequest, "%d stop texts, at most %d", len(q.Stop), maxStops)
	}
	for _, s := range q.Stop {
		if s == "" || len(s) > maxStopText {
			return fail(wire.FailRequest, "stop text of %d bytes, want 1 to %d", len(s), maxStopText)
		}
	}
	return nil
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

// output collects the text of a completion, finds stop texts and emits what can no longer change: not the beginning of
// a stop text, and not a part of a character.
type output struct {
	stops   []string
	emit    func(string) error
	text    []byte
	emitted int
}

func (o *output) add(piece []byte) (stopped bool, err error) {
	before := len(o.text)
	o.text = append(o.text, piece...)
	end := -1
	for _, s := range o.stops {
		from := max(before-len(s)+1, 0)
		if i := strings.Index(string(o.text[from:]), s); i >= 0 && (end < 0 || from+i < end) {
			end = from + i
		}
	}
	if end >= 0 {
		o.text = o.text[:end]
		return true, nil
	}
	return false, o.send(len(o.text) - o.held())
}

func (o *output) flush() error { return o.send(len(o.text)) }

func (o *output) send(end int) error {
	if end <= o.emitted {
		return nil
	}
	piece := string(o.text[o.emitted:end])
	o.emitted = end
	return o.emit(piece)
}

// held is how many bytes at the end have to wait.
func (o *output) held() int {
	n := 0
	for _, s := range o.stops {
		for k := min(len(s)-1, len(o.text)); k > n; k-- {
			if strings.HasSuffix(string(o.text[len(o.text)-k:]), s[:k]) {
				n = k
				break
			}
		}
	}
	for k := 1; k < utf8.UTFMax && k <= len(o.text); k++ {
		if b := o.text[len(o.text)-k]; utf8.RuneStart(b) {
			if !utf8.FullRune(o.text[len(o.text)-k:]) {
				n = max(n, k)
			}
			break
		}
	}
	return n
}
