package guest

import (
	"context"

	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// scoreChunk is how many positions' logits are held at a time.
const scoreChunk = 16

// rows runs tokens and calls visit with the logits of every position from from on, which are valid until it returns.
func (m *model) rows(ctx context.Context, tokens []int32, from int, visit func(i int, row []float32)) error {
	if len(tokens) == 0 {
		return fail(wire.FailRequest, "no tokens")
	}
	if len(tokens) > m.engine.Context() {
		return fail(wire.FailTooLarge, "%d tokens, the model's context has %d", len(tokens), m.engine.Context())
	}
	defer m.reading(len(tokens))()
	t, vocab := m.memory.begin(m.engine, tokens[:from+1]), m.engine.VocabSize()
	if known := len(t.tokens); known < from {
		if _, err := t.extend(ctx, tokens[known:from], engine.Last); err != nil {
			return err
		}
	}
	for at := from; at < len(tokens); at += scoreChunk {
		chunk := tokens[at:min(at+scoreChunk, len(tokens))]
		logits, err := t.extend(ctx, chunk, engine.All)
		if err != nil {
			return err
		}
		for i := range chunk {
			visit(at+i, logits[i*vocab:(i+1)*vocab])
		}
	}
	return nil
}

func (m *model) logProbs(ctx context.Context, q wire.LogProbs) (wire.Message, error) {
	reply := wire.Scores{Scores: make([]wire.Score, max(len(q.Tokens)-1, 0))}
	err := m.rows(ctx, q.Tokens, 0, func(i int, row []float32) {
		if i+1 < len(q.Tokens) {
			reply.Scores[i] = m.score(row, q.Tokens[i+1])
		}
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// score rates a token; one that is none gets no score, and the next call of the engine refuses it.
func (m *model) score(row []float32, id int32) wire.Score {
	if id < 0 || int(id) >= len(row) {
		return wire.Score{}
	}
	r := engine.Rate(row, id)
	return wire.Score{LogProb: float32(r.LogProb), Rank: int32(r.Rank), Mean: float32(r.Mean), StdDev: float32(r.StdDev)} //nolint:gosec // G115: below the vocabulary's size
}

func (m *model) logits(ctx context.Context, q wire.Logits) (wire.Message, error) {
	vocab := m.engine.VocabSize()
	if len(q.Positions) > wire.MaxNumbers/vocab {
		return nil, fail(wire.FailTooLarge, "logits of %d positions, at most %d", len(q.Positions), wire.MaxNumbers/vocab)
	}
	from := len(q.Tokens) - 1
	for _, p := range q.Positions {
		if p < 0 || int(p) >= len(q.Tokens) {
			return nil, fail(wire.FailRequest, "position %d of %d tokens", p, len(q.Tokens))
		}
		from = min(from, int(p))
	}
	values := make([]float32, len(q.Positions)*vocab)
	err := m.rows(ctx, q.Tokens, from, func(i int, row []float32) {
		for k, p := range q.Positions {
			if int(p) == i {
				copy(values[k*vocab:], row)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return wire.Floats{Values: values}, nil
}
