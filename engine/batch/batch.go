// Package batch generates many texts at once on one model. Texts that begin alike compute their beginning once, and each
// step computes the next positions of all that are under way together, which is where the speed is. No text's tokens
// depend on the others.
package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
)

// Config tunes a generator.
type Config struct {
	// Slots is how many texts are under way at a time. Optional; 64 if zero.
	Slots int
	// Positions is how many positions a step computes, if so many are to be computed; prompts are cut to fit. Optional;
	// 128 if zero.
	Positions int
	// Texts is how many texts are remembered, so that others may begin like them. Optional; 64 if zero.
	Texts int
	// Memory bounds the keys and values of texts that are remembered but not under way, in bytes; what they share counts once.
	// Optional; 32 MiB if zero.
	Memory int
	// Active bounds the keys and values of texts under way, in bytes, each counted at its greatest length without the
	// beginning that it shares: texts of a large model wait although there are slots. One is under way in any case.
	// Optional; no bound if zero.
	Active int
}

func (c Config) withDefaults() Config {
	or := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	or(&c.Slots, 64)
	or(&c.Positions, 128)
	or(&c.Texts, 64)
	or(&c.Memory, 32<<20)
	return c
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int
	}{{"slots", c.Slots}, {"positions", c.Positions}, {"texts", c.Texts}, {"memory", c.Memory}, {"active", c.Active}} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("%s %d is negative", f.name, f.value))
		}
	}
	return errors.Join(errs...)
}

// Request is a text to continue.
type Request struct {
	Prompt    []int32
	MaxTokens int

	// Next chooses a token from logits, which are valid until it returns. Optional; the most likely token if nil.
	Next func(logits []float32) int32
	// Stop says whether a token ends the text, which it is then no part of. Optional.
	Stop func(id int32) bool
	// Emit takes each token as it comes and says whether to go on. Optional.
	Emit func(id int32) bool
	// Once says that nothing will go on from what is generated: the prompt alone is remembered. Optional.
	Once bool
}

// Finish says why a text ended.
type Finish uint8

// The reasons.
const (
	Failed  Finish = iota // see Result.Err
	Length                // MaxTokens, or the model's context, is full
	Stopped               // by Stop or Emit
)

// Result is how a text went on.
type Result struct {
	Tokens []int32
	Finish Finish
	Reused int   // positions of the prompt that were known from other texts
	Err    error // of this text alone: model.ErrInput, ErrToken, ErrContext or ErrNotFinite
}

// Generator generates texts and remembers them. One goroutine uses it at a time.
type Generator struct {
	m   *model.Model
	cfg Config

	texts  []*text // remembered, the one used last at the end; those under way among them
	active []*text
	held   int // bytes that the texts under way may take
	tally  model.Tally
	parts  []model.Part
	who    []*text // of parts
}

// New returns a generator that knows no texts. The error is that of Check.
func New(m *model.Model, cfg Config) (*Generator, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return &Generator{m: m, cfg: cfg.withDefaults()}, nil
}

// Generate continues every request's text; results are in the order of requests. Texts begin in the order of their tokens,
// those that begin alike after one another, so that little has to be remembered for what they share. The error is that of ctx, or of a model
// that no text can be computed with; results are then what there is so far.
func (g *Generator) Generate(ctx context.Context, requests []Request) ([]Result, error) {
	results := make([]Result, len(requests))
	waiting := make([]*text, 0, len(requests))
	for i := range requests {
		t := &text{req: &requests[i], res: &results[i]}
		if t.res.Err = g.check(t.req); t.res.Err == nil {
			waiting = append(waiting, t)
		}
	}
	arrange(waiting)
	defer g.drop()
	for len(waiting) > 0 || len(g.active) > 0 {
		waiting = g.admit(waiting)
		if err := g.step(ctx); err != nil {
			return results, err
		}
	}
	return results, nil
}

func (g *Generator) check(r *Request) error {
	switch {
	case len(r.Prompt) == 0:
		return fmt.Errorf("a prompt without tokens: %w", model.ErrInput)
	case len(r.Prompt) > g.m.Context():
		return fmt.Errorf("prompt of %d tokens, at most %d: %w", len(r.Prompt), g.m.Context(), model.ErrContext)
	case r.MaxTokens < 1:
		return fmt.Errorf("%d tokens wanted: %w", r.MaxTokens, model.ErrInput)
	}
	for i, id := range r.Prompt {
		if id < 0 || int(id) >= g.m.VocabSize() {
			return fmt.Errorf("id %d at position %d of a prompt: %w", id, i, model.ErrToken)
		}
	}
	return nil
}

// step computes the next positions of the texts under way and chooses their tokens.
func (g *Generator) step(ctx context.Context) error {
	g.parts, g.who = g.parts[:0], g.who[:0]
	room := g.cfg.Positions
	for _, t := range g.active { // those that generate go first: one position each
		if t.missing() == 1 {
			g.add(t, 1)
			room--
		}
	}
	room = max(room, g.cfg.Positions/4) // prompts go on in any case
	for _, t := range g.active {
		if n := min(t.missing(), room); t.missing() > 1 && n > 0 {
			g.add(t, n)
			room -= n
		}
	}
	if len(g.parts) == 0 {
		return nil
	}
	if err := g.m.Compute(ctx, g.parts); err != nil {
		return err
	}
	for i := range g.parts {
		g.who[i].take(&g.parts[i], g.m.Context())
	}
	clear(g.parts)
	g.retire()
	return nil
}

// add lists the next n positions of a text to be computed.
func (g *Generator) add(t *text, n int) {
	from := t.seq.Len()
	p := model.Part{Sequence: t.seq, Tokens: t.tokens[from : from+n], Want: model.None}
	if from+n == len(t.tokens) {
		p.Want = model.Last
	}
	g.parts, g.who = append(g.parts, p), append(g.who, t)
}

// text is a sequence and its tokens, of which the sequence has computed the first.
type text struct {
	seq    *model.Sequence
	tokens []int32
	req    *Request // nil: not under way
	res    *Result
	held   int // bytes that it may take, while it is under way
	done   bool

	before *text // the one that begins most like it of those that come first; nil once this one has begun
	shared int   // positions that both begin with
}

// arrange puts texts into the order of their tokens. Of all that come before a text the last one is most like it.
func arrange(texts []*text) {
	slices.SortStableFunc(texts, func(a, b *text) int { return slices.Compare(a.req.Prompt, b.req.Prompt) })
	for i, t := range texts[min(1, len(texts)):] {
		t.before = texts[i]
		t.shared = common(t.before.req.Prompt, t.req.Prompt[:len(t.req.Prompt)-1])
	}
}

// ready reports whether what a text shares with the one before it is computed, or never will be.
func (t *text) ready() bool {
	b := t.before
	return b == nil || b.done || t.shared == 0 || b.seq != nil && b.seq.Len() >= t.shared
}

// missing returns how many tokens are not computed.
func (t *text) missing() int { return len(t.tokens) - t.seq.Len() }

// take uses what has been computed.
func (t *text) take(p *model.Part, context int) {
	switch {
	case p.Err != nil:
		t.end(Failed)
		t.res.Err = p.Err
		return
	case p.Want == model.None:
		return
	}
	var id int32
	if t.req.Next != nil {
		id = t.req.Next(p.Logits)
	} else {
		id = sample.Greedy(p.Logits)
	}
	if t.req.Stop != nil && t.req.Stop(id) {
		t.end(Stopped)
		return
	}
	t.res.Tokens = append(t.res.Tokens, id)
	switch {
	case t.req.Emit != nil && !t.req.Emit(id):
		t.end(Stopped)
	case len(t.res.Tokens) == t.req.MaxTokens || len(t.tokens) == context:
		t.end(Length)
	default:
		t.tokens = append(t.tokens, id)
	}
}

func (t *text) end(f Finish) { t.done, t.res.Finish = true, f }
