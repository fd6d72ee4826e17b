package sandbox

import (
	"context"
	"math"
	"slices"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// PromptTokens gives the tokens that the model reads for the prompt of a request, with their places in the rendered chat or
// in the prompt.
func (s *Session) PromptTokens(ctx context.Context, req probe.GenerateRequest) ([]probe.Token, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	check := func(m wire.Tokens) error {
		for _, t := range m.Tokens {
			if t.ID < 0 || int(t.ID) >= about.Vocab || t.Start > t.End {
				return violated("reads token %d of %d at %d to %d", t.ID, about.Vocab, t.Start, t.End)
			}
		}
		return nil
	}
	m, err := ask(ctx, s, wire.Prompt{Messages: chat(req.Messages), Prompt: req.Prompt}, check, nil)
	if err != nil {
		return nil, err
	}
	tokens := make([]probe.Token, len(m.Tokens))
	for i, t := range m.Tokens {
		tokens[i] = probe.Token(t)
	}
	return tokens, nil
}

// Continue gives, for each of texts, how likely its tokens are after prefix and those before:
// len(result[i]) == len(texts[i]). What texts begin with alike is computed once.
func (s *Session) Continue(ctx context.Context, prefix []int32, texts [][]int32) ([][]probe.LogProb, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]probe.LogProb, 0, len(texts))
	for len(texts) > 0 {
		n, tokens := 0, 0
		for n < len(texts) && n < wire.MaxTexts && (n == 0 || tokens+len(texts[n]) <= wire.MaxScores) {
			tokens += len(texts[n])
			n++
		}
		m, err := ask(ctx, s, wire.Continue{Prefix: prefix, Texts: texts[:n]}, func(m wire.Scores) error {
			return checkScores(m.Scores, tokens, about)
		}, nil)
		if err != nil {
			return nil, err
		}
		for _, text := range texts[:n] {
			scores := make([]probe.LogProb, len(text))
			for i := range scores {
				scores[i] = probe.LogProb(m.Scores[i])
			}
			out, m.Scores = append(out, scores), m.Scores[len(text):]
		}
		texts = texts[n:]
	}
	return out, nil
}

func checkScores(scores []wire.Score, want int, about wire.Loaded) error {
	if len(scores) != want {
		return violated("rates %d of %d tokens", len(scores), want)
	}
	for _, r := range scores {
		if int(r.Rank) >= about.Vocab {
			return violated("gives a token rank %d of %d", r.Rank, about.Vocab)
		}
		if !finite(r.LogProb, r.Mean, r.StdDev) || r.LogProb > 0 {
			return violated("rates a token %v, mean %v, deviation %v", r.LogProb, r.Mean, r.StdDev)
		}
	}
	return nil
}

func finite(values ...float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return math.IsInf(float64(v), 0) }) // the reader refuses NaN
}

// Next gives how each of texts goes on: the most likely token and the log-probabilities of the tokens in watch, or of the
// whole vocabulary if it is empty. Texts that have their beginnings in common belong into one call.
func (s *Session) Next(ctx context.Context, texts []probe.Perturbed, watch []int32) ([]probe.Next, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	watched := len(watch)
	if watched == 0 {
		watched = about.Vocab
	}
	out := make([]probe.Next, 0, len(texts))
	for len(texts) > 0 {
		q := wire.Next{Watch: watch}
		for added := 0; len(q.Texts) < min(len(texts), wire.MaxTexts, max(1, wire.MaxNumbers/watched)); {
			t := texts[len(q.Texts)]
			if added += len(t.Add); added > wire.MaxNumbers && len(q.Texts) > 0 {
				break
			}
			q.Texts = append(q.Texts, wire.Perturbed(t))
		}
		m, err := ask(ctx, s, q, func(m wire.Nexts) error { return checkNexts(m, len(q.Texts), watched, about) }, nil)
		if err != nil {
			return nil, err
		}
		for i, top := range m.Top {
			out = append(out, probe.Next{Top: top, LogProbs: m.LogProbs[i*watched:][:watched:watched]})
		}
		texts = texts[len(q.Texts):]
	}
	return out, nil
}

func checkNexts(m wire.Nexts, texts, watched int, about wire.Loaded) error {
	if len(m.Top) != texts || len(m.LogProbs) != texts*watched {
		return violated("gives %d tokens and %d numbers after %d texts, of %d tokens each", len(m.Top), len(m.LogProbs), texts, watched)
	}
	for _, id := range m.Top {
		if id < 0 || int(id) >= about.Vocab {
			return violated("goes on with token %d of %d", id, about.Vocab)
		}
	}
	for _, v := range m.LogProbs {
		if !finite(v) || v > 0 {
			return violated("gives a log-probability of %v", v)
		}
	}
	return nil
}

// Tokens tells what the questions took so far.
func (s *Session) Tokens(ctx context.Context) (hallmark.TokenCount, error) {
	m, err := ask(ctx, s, wire.Count{}, func(m wire.Counted) error {
		if m.Reused > m.Read {
			return violated("reused %d of %d tokens", m.Reused, m.Read)
		}
		return nil
	}, nil)
	return hallmark.TokenCount(m), err
}

// Pieces gives the texts of n tokens from token from on, as the file has them; control tokens have none.
func (s *Session) Pieces(ctx context.Context, from, n int) ([]string, error) {
	var out []string
	for n > 0 {
		part := wire.Pieces{From: max(from, 0), N: min(n, wire.MaxTexts)}
		m, err := ask(ctx, s, part, func(m wire.Texts) error {
			if len(m.Texts) != part.N {
				return violated("gives %d of %d texts", len(m.Texts), part.N)
			}
			return nil
		}, nil)
		if err != nil {
			return nil, err
		}
		out, from, n = append(out, m.Texts...), from+part.N, n-part.N
	}
	return out, nil
}

// Embeddings gives the embeddings, [n][embedding], of n tokens from token from on.
func (s *Session) Embeddings(ctx context.Context, from, n int) ([]float32, error) {
	return s.rows(ctx, wire.Rows{From: max(from, 0), N: max(n, 0)})
}

// Unembeddings gives the rows of the output matrix, [n][embedding], of n tokens from token from on.
func (s *Session) Unembeddings(ctx context.Context, from, n int) ([]float32, error) {
	return s.rows(ctx, wire.Rows{Output: true, From: max(from, 0), N: max(n, 0)})
}

func (s *Session) rows(ctx context.Context, q wire.Rows) ([]float32, error) {
	about, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	var out []float32
	for most := max(1, wire.MaxNumbers/about.Embedding); ; q.From, q.N = q.From+most, q.N-most {
		part := wire.Rows{Output: q.Output, From: q.From, N: min(q.N, most)}
		values, err := s.floats(ctx, part, part.N*about.Embedding)
		if err != nil {
			return nil, err
		}
		if out = append(out, values...); q.N <= most {
			return out, nil
		}
	}
}
