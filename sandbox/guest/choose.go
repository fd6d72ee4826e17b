package guest

import (
	"errors"

	"github.com/hallmark-ml/hallmark/engine/grammar"
	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// Bounds of what is remembered of grammars: how many, and the bytes that were found out about each.
const (
	mostConstraints = 4
	constraintBytes = 16 << 20
)

// chooser chooses the tokens of one completion.
type chooser struct {
	sampler *sample.Sampler
	state   *grammar.State // nil if every text is allowed
}

// chooser returns how a request wants its tokens chosen.
func (m *model) chooser(q wire.Generate, prompt []int32) (*chooser, error) {
	cfg := sample.Config{
		Seed: q.Seed, Temperature: q.Temperature, TopK: q.TopK, TopP: q.TopP, MinP: q.MinP,
		RepeatPenalty: q.RepeatPenalty, FrequencyPenalty: q.FrequencyPenalty, PresencePenalty: q.PresencePenalty,
	}
	if err := cfg.Check(); err != nil {
		return nil, fail(wire.FailRequest, "%v", err)
	}
	c := &chooser{sampler: sample.New(cfg)}
	c.sampler.Observe(prompt...)
	if q.Grammar == "" && q.JSONSchema == "" {
		return c, nil
	}
	constraint, err := m.constraint(q)
	if err != nil {
		return nil, err
	}
	state, err := constraint.Start()
	if err != nil {
		return nil, refused(err)
	}
	c.state = &state
	return c, nil
}

func (c *chooser) choose(logits []float32) (int32, error) {
	if c.state == nil {
		return c.sampler.Next(logits), nil
	}
	mask, err := c.state.Mask()
	if err != nil {
		return 0, refused(err)
	}
	id, ok := c.sampler.NextOf(logits, mask)
	if !ok {
		return 0, refused(grammar.ErrStuck)
	}
	if err := c.state.Accept(id); err != nil {
		return 0, refused(err)
	}
	return id, nil
}

// constraint returns that of a request's grammar or schema.
func (m *model) constraint(q wire.Generate) (*grammar.Constraint, error) {
	if q.Grammar != "" && q.JSONSchema != "" {
		return nil, fail(wire.FailRequest, "both a grammar and a JSON schema")
	}
	key := [2]string{q.Grammar, q.JSONSchema}
	if c, ok := m.constraints[key]; ok {
		return c, nil
	}
	parsed, err := parseGrammar(q)
	if err != nil {
		return nil, refused(err)
	}
	if m.vocabulary == nil {
		if m.vocabulary, err = grammar.NewVocabulary(m.tokens.Size(), m.text, m.tokens.EndOfGeneration); err != nil {
			return nil, err
		}
	}
	if len(m.constraints) >= mostConstraints || m.constraints == nil {
		m.constraints = map[[2]string]*grammar.Constraint{}
	}
	m.constraints[key] = grammar.NewConstraint(parsed, m.vocabulary)
	return m.constraints[key], nil
}

func parseGrammar(q wire.Generate) (*grammar.Grammar, error) {
	limits := grammar.Limits{CacheBytes: constraintBytes}
	if q.Grammar != "" {
		return grammar.ParseGBNF(q.Grammar, limits)
	}
	return grammar.FromSchema([]byte(q.JSONSchema), limits)
}

// refused is an error of a grammar as a reply: it came with the request.
func refused(err error) error {
	if errors.Is(err, grammar.ErrLimit) {
		return fail(wire.FailTooLarge, "%v", err)
	}
	return fail(wire.FailRequest, "%v", err)
}
