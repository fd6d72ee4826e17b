package main

import (
	"context"

	"github.com/hallmark-ml/hallmark/engine/model"
)

// work is a number of texts: all begin alike, then the first goes on for long, and the others for different lengths.
type work struct{ shared, first, others int }

// works are small for machines that are emulated, or large enough for several pages of keys and values.
var works = map[string]work{
	"short": {shared: 3, first: 8, others: 2},
	"long":  {shared: 35, first: 40, others: 5},
}

// text returns the ids of text i.
func (w work) text(i, vocab int) []int32 {
	var ids []int32
	for j := range w.shared {
		ids = append(ids, int32((7*j*j+13)%vocab))
	}
	n := w.first
	if i > 0 {
		n = 1 + i%w.others
	}
	for j := range n {
		ids = append(ids, int32((31*i+17*j*j+3*j+5)%vocab))
	}
	return ids
}

// logits returns what follows after each of the own tokens of each text.
func (w work) logits(m *model.Model, r *run) ([][]float32, error) {
	texts, sequences := make([][]int32, r.batch), make([]*model.Sequence, r.batch)
	for i := range texts {
		texts[i], sequences[i] = w.text(i, m.VocabSize()), m.NewSequence()
	}
	if r.shared {
		base := []*model.Sequence{m.NewSequence()}
		if _, err := compute(m, base, [][]int32{texts[0][:w.shared]}, r.chunk); err != nil {
			return nil, err
		}
		for i := range texts {
			texts[i], sequences[i] = texts[i][w.shared:], base[0].Fork()
		}
	}
	logits, err := compute(m, sequences, texts, r.chunk)
	if err != nil || r.shared {
		return logits, err
	}
	for i := range logits {
		logits[i] = logits[i][w.shared*m.VocabSize():]
	}
	return logits, nil
}

// compute appends to each sequence its text, all in the same calls, in which a text goes on by at most chunk tokens, or all of
// them if that is 0. It returns the logits at all of them.
func compute(m *model.Model, sequences []*model.Sequence, texts [][]int32, chunk int) ([][]float32, error) {
	logits := make([][]float32, len(texts))
	for at := 0; ; at += chunk {
		var parts []model.Part
		var who []int
		for i, s := range sequences {
			ids := texts[i][min(at, len(texts[i])):]
			if chunk > 0 {
				ids = ids[:min(chunk, len(ids))]
			}
			if len(ids) > 0 {
				parts, who = append(parts, model.Part{Sequence: s, Tokens: ids, Want: model.All}), append(who, i)
			}
		}
		if len(parts) == 0 {
			return logits, nil
		}
		if err := m.Compute(context.Background(), parts); err != nil {
			return nil, err
		}
		for j, i := range who {
			if parts[j].Err != nil {
				return nil, parts[j].Err
			}
			logits[i] = append(logits[i], parts[j].Logits...)
		}
		if chunk == 0 {
			return logits, nil
		}
	}
}
