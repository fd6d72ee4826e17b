package sandbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// ScanReport is what the static scan found in a file. Its strings are cleaned; its tensors are the guest's word until
// hallmark.CheckTensorRanges accepts them.
type ScanReport = wire.ScanReport

// Scan looks for what is unsafe in the file, which does not have to be a model. name is the file's name for messages.
func (s *Session) Scan(ctx context.Context, name string) (ScanReport, error) {
	check := func(r ScanReport) error {
		for _, f := range r.Findings {
			if f.Severity == hallmark.SeverityHigh || f.Severity == hallmark.SeverityCritical {
				s.judge(hallmark.RunFinding, f.Rule)
			}
		}
		return nil
	}
	return ask(ctx, s, wire.Scan{Name: name}, check, nil)
}

// loaded returns what is known about the model, asking once.
func (s *Session) loaded(ctx context.Context) (wire.Loaded, error) {
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return wire.Loaded{}, fmt.Errorf("ask the guest: %w", ctx.Err())
	}
	if s.about != nil {
		return *s.about, nil
	}
	check := func(m wire.Loaded) error {
		if m.Vocab < 1 || m.Context < 1 || m.Embedding < 1 {
			return violated("describes a model with %d tokens, context %d, embedding %d", m.Vocab, m.Context, m.Embedding)
		}
		return nil
	}
	about, err := exchange(ctx, s, wire.Load{ISA: s.isa}, check, nil)
	if err != nil {
		return wire.Loaded{}, err
	}
	s.about = &about
	return about, nil
}

// Info implements [probe.Model].
func (s *Session) Info(ctx context.Context) (probe.Info, error) {
	m, err := s.loaded(ctx)
	if err != nil {
		return probe.Info{}, err
	}
	return probe.Info{
		Architecture: m.Architecture, TokenizerModel: m.TokenizerModel, Context: m.Context, Vocab: m.Vocab, Embedding: m.Embedding,
		ChatTemplate: m.ChatTemplate, EngineVersion: m.EngineVersion,
	}, nil
}

// Tokenize implements [probe.Model]. It needs a file with a vocabulary, not with weights.
func (s *Session) Tokenize(ctx context.Context, text string, parseSpecial bool) ([]probe.Token, error) {
	check := func(m wire.Tokens) error {
		for _, t := range m.Tokens {
			if t.ID < 0 || s.about != nil && int(t.ID) >= s.about.Vocab || t.Start > t.End || t.End > len(text) {
				return violated("finds token %d at %d to %d in a text of %d bytes", t.ID, t.Start, t.End, len(text))
			}
		}
		return nil
	}
	m, err := ask(ctx, s, wire.Tokenize{Text: text, ParseSpecial: parseSpecial}, check, nil)
	if err != nil {
		return nil, err
	}
	tokens := make([]probe.Token, len(m.Tokens))
	for i, t := range m.Tokens {
		tokens[i] = probe.Token(t)
	}
	return tokens, nil
}

func chat(msgs []probe.Message) []wire.ChatMessage {
	out := make([]wire.ChatMessage, len(msgs))
	for i, m := range msgs {
		out[i] = wire.ChatMessage(m)
	}
	return out
}

// Render implements [probe.Model].
func (s *Session) Render(ctx context.Context, msgs []probe.Message, addGenerationPrompt bool) (probe.Rendered, error) {
	if _, err := s.loaded(ctx); err != nil {
		return probe.Rendered{}, err
	}
	check := func(m wire.Rendered) error {
		for _, span := range m.Spans {
			if span.Start > span.End || span.End > len(m.Text) {
				return violated("finds a message at %d to %d in a chat of %d bytes", span.Start, span.End, len(m.Text))
			}
		}
		return nil
	}
	m, err := ask(ctx, s, wire.Render{Messages: chat(msgs), AddGenerationPrompt: addGenerationPrompt}, check, nil)
	if err != nil {
		return probe.Rendered{}, err
	}
	r := probe.Rendered{Text: m.Text, Spans: make([]probe.Span, len(m.Spans))}
	for i, span := range m.Spans {
		r.Spans[i] = probe.Span(span)
	}
	return r, nil
}

// Generate implements [probe.Model]. OnToken is called on the caller's goroutine and must not ask this session anything.
func (s *Session) Generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	if err := checkRequest(req); err != nil {
		return probe.Completion{}, err
	}
	about, err := s.loaded(ctx)
	if err != nil {
		return probe.Completion{}, err
	}
	var streamed strings.Builder
	var piece func(string)
	if req.OnToken != nil {
		piece = func(text string) {
			streamed.WriteString(text)
			req.OnToken(text)
		}
	}
	check := func(m wire.Completion) error {
		if req.OnToken != nil && ctx.Err() == nil && streamed.String() != m.Text {
			return violated("streams another text than it completes")
		}
		return checkCompletion(m, req, about)
	}
	m, err := ask(ctx, s, question(req), check, piece)
	if err != nil {
		return probe.Completion{}, err
	}
	return completion(m), nil
}

// GenerateAll is [Session.Generate] of several requests, of which none streams, in one go: the guest computes them
// together. What goes wrong with one of them is in its answer; the error is that of all. At most wire.MaxRequests are
// asked at a time.
func (s *Session) GenerateAll(ctx context.Context, reqs []probe.GenerateRequest) ([]probe.Answer, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	var out []probe.Answer
	for _, req := range reqs {
		if err := checkRequest(req); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(reqs, wire.MaxRequests) {
		var q wire.GenerateAll
		for _, req := range part {
			req.OnToken = nil
			q.Requests = append(q.Requests, question(req))
		}
		check := func(m wire.Answers) error {
			if len(m.Answers) != len(part) {
				return violated("answers %d of %d requests", len(m.Answers), len(part))
			}
			for i, a := range m.Answers {
				one, err := s.answer(ctx, a, part[i], about)
				if err != nil {
					return err
				}
				out = append(out, one)
			}
			return nil
		}
		if _, err := ask(ctx, s, q, check, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// answer checks one of several answers.
func (s *Session) answer(ctx context.Context, a wire.Answer, req probe.GenerateRequest, about wire.Loaded) (probe.Answer, error) {
	switch {
	case a.Failure == nil:
		return probe.Answer{Completion: completion(a.Completion)}, checkCompletion(a.Completion, req, about)
	case a.Failure.Kind == wire.FailCanceled || a.Failure.Kind == wire.FailUnsandboxed:
		return probe.Answer{}, violated("fails one of several requests with kind %d", a.Failure.Kind)
	default:
		return probe.Answer{Err: s.failure(ctx, *a.Failure)}, nil
	}
}

// checkRequest refuses what a request cannot say to the guest, which takes it for an attack: what is not a number. Whether
// numbers are in their ranges is the guest's to say.
func checkRequest(req probe.GenerateRequest) error {
	for _, v := range []struct {
		name  string
		value float32
	}{
		{"temperature", req.Temperature},
		{"top p", req.TopP},
		{"min p", req.MinP},
		{"repeat penalty", req.RepeatPenalty},
		{"frequency penalty", req.FrequencyPenalty},
		{"presence penalty", req.PresencePenalty},
	} {
		if f := float64(v.value); math.IsNaN(f) {
			return fmt.Errorf("ask the model: %s is %v: %w", v.name, f, hallmark.ErrInvalid)
		}
	}
	if req.TopK < 0 {
		return fmt.Errorf("ask the model: top k %d is negative: %w", req.TopK, hallmark.ErrInvalid)
	}
	return nil
}

func question(req probe.GenerateRequest) wire.Generate {
	return wire.Generate{
		Messages: chat(req.Messages), Prompt: req.Prompt, MaxTokens: max(req.MaxTokens, 0), Temperature: req.Temperature,
		TopP: req.TopP, TopK: max(req.TopK, 0), Seed: req.Seed, Stop: req.Stop, Stream: req.OnToken != nil,
		MinP: req.MinP, RepeatPenalty: req.RepeatPenalty, FrequencyPenalty: req.FrequencyPenalty, PresencePenalty: req.PresencePenalty,
		Grammar: req.Grammar, JSONSchema: req.JSONSchema,
	}
}

func checkCompletion(m wire.Completion, req probe.GenerateRequest, about wire.Loaded) error {
	if m.OutputTokens > max(req.MaxTokens, 0) || m.PromptTokens > about.Context {
		return violated("made %d tokens of %d wanted from %d", m.OutputTokens, req.MaxTokens, m.PromptTokens)
	}
	return nil
}

func completion(m wire.Completion) probe.Completion {
	c := probe.Completion{Text: m.Text, PromptTokens: m.PromptTokens, OutputTokens: m.OutputTokens, Finish: probe.FinishLength}
	if m.Finish == wire.FinishStop {
		c.Finish = probe.FinishStop
	}
	return c
}

// LogProbs implements [probe.Model].
func (s *Session) LogProbs(ctx context.Context, tokens []int32) ([]probe.LogProb, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	check := func(m wire.Scores) error {
		if len(m.Scores) != len(tokens)-1 {
			return violated("rates %d of %d tokens", len(m.Scores), len(tokens))
		}
		for _, r := range m.Scores {
			if int(r.Rank) >= about.Vocab {
				return violated("gives a token rank %d of %d", r.Rank, about.Vocab)
			}
		}
		return nil
	}
	m, err := ask(ctx, s, wire.LogProbs{Tokens: tokens}, check, nil)
	if err != nil {
		return nil, err
	}
	out := make([]probe.LogProb, len(m.Scores))
	for i, r := range m.Scores {
		out[i] = probe.LogProb(r)
	}
	return out, nil
}

// Logits returns the logits [len(positions)][vocabulary] after the given positions of tokens.
func (s *Session) Logits(ctx context.Context, tokens, positions []int32) ([]float32, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	return s.floats(ctx, wire.Logits{Tokens: tokens, Positions: positions}, len(positions)*about.Vocab)
}

func (s *Session) floats(ctx context.Context, q wire.Message, want int) ([]float32, error) {
	m, err := ask(ctx, s, q, func(m wire.Floats) error {
		if len(m.Values) != want {
			return violated("answers %v with %d numbers, want %d", q.Type(), len(m.Values), want)
		}
		if !finite(m.Values...) {
			return violated("answers %v with numbers that are not finite", q.Type())
		}
		return nil
	}, nil)
	return m.Values, err
}
