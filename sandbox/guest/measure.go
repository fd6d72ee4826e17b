package guest

import (
	"context"
	"slices"

	"github.com/hallmark-ml/hallmark/engine/kernel"
	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

const (
	// Bounds of the sequences that are computed together: how many, their keys and values in bytes, their positions.
	mostTogether      = 128
	togetherMemory    = 64 << 20
	togetherPositions = 512
)

// together is how many sequences are computed in one go, each of which may copy a page of its beginning.
func together(e *engine.Model) int {
	const page = 32 // positions
	return max(1, min(mostTogether, togetherMemory/(page*e.PositionSize())))
}

// continues rates texts after a prefix. It walks the tree of their beginnings, so that each is computed once.
func (m *model) continues(ctx context.Context, q wire.Continue) (wire.Message, error) {
	if err := m.checkContinue(q); err != nil {
		return nil, err
	}
	t := &tree{m: m, texts: q.Texts, scores: make([][]wire.Score, len(q.Texts))}
	order := make([]int, len(q.Texts))
	total, needed := 0, 0
	for i, text := range q.Texts {
		order[i] = i
		total += len(text)
		needed += len(q.Prefix) + max(len(text)-1, 0) // nothing comes after the last token
	}
	defer m.reading(needed)()
	reply := wire.Scores{Scores: make([]wire.Score, total)}
	for i, at := 0, 0; i < len(q.Texts); i++ {
		t.scores[i] = reply.Scores[at:][:len(q.Texts[i])]
		at += len(q.Texts[i])
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(q.Texts[a], q.Texts[b]) })

	known := m.memory.begin(m.engine, q.Prefix)
	logits, err := known.extend(ctx, q.Prefix[len(known.tokens):], engine.Last)
	if err != nil {
		return nil, err
	}
	t.split(known.seq.Fork(), 0, order, logits)
	for len(t.open) > 0 {
		if err := t.step(ctx); err != nil {
			return nil, err
		}
	}
	return reply, nil
}

func (m *model) checkContinue(q wire.Continue) error {
	if len(q.Prefix) == 0 {
		return fail(wire.FailRequest, "no tokens to go on from")
	}
	total := 0
	for _, text := range q.Texts {
		if n := len(q.Prefix) + len(text); n > m.engine.Context() {
			return fail(wire.FailTooLarge, "%d tokens, the model's context has %d", n, m.engine.Context())
		}
		if err := m.checkTokens(text); err != nil {
			return err
		}
		if total += len(text); total > wire.MaxScores {
			return fail(wire.FailTooLarge, "more than %d tokens to rate", wire.MaxScores)
		}
	}
	return nil
}

func (m *model) checkTokens(tokens []int32) error {
	for _, id := range tokens {
		if id < 0 || int(id) >= m.engine.VocabSize() {
			return fail(wire.FailRequest, "token %d of %d", id, m.engine.VocabSize())
		}
	}
	return nil
}

// tree rates texts that begin alike.
type tree struct {
	m      *model
	texts  [][]int32
	scores [][]wire.Score // of each text's tokens
	open   []branch       // the one computed next at the end: depth first, which bounds the sequences alive
	parts  []engine.Part
}

// A branch is some texts, sorted, that are alike up to position end. seq has the positions before at, and what at's token is
// worth is known.
type branch struct {
	seq     *engine.Sequence
	texts   []int
	at, end int
}

// split sorts texts that are alike up to position at, of which seq has computed all, by the token there, rates it, and opens
// a branch for each. It takes seq over.
func (t *tree) split(seq *engine.Sequence, at int, texts []int, logits []float32) {
	for len(texts) > 0 && len(t.texts[texts[0]]) == at { // they end here
		texts = texts[1:]
	}
	first := len(t.open)
	for len(texts) > 0 {
		id, n := t.texts[texts[0]][at], 1
		for n < len(texts) && t.texts[texts[n]][at] == id {
			n++
		}
		score := t.m.score(logits, id)
		for _, i := range texts[:n] {
			t.scores[i][at] = score
		}
		alike := at + common(t.texts[texts[0]][at:], t.texts[texts[n-1]][at:])
		if alike > at+1 || len(t.texts[texts[n-1]]) > alike { // there is more to rate
			t.open = append(t.open, branch{texts: texts[:n], at: at, end: alike})
		}
		texts = texts[n:]
	}
	for i := first; i < len(t.open); i++ {
		if t.open[i].seq = seq; i < len(t.open)-1 {
			t.open[i].seq = seq.Fork()
		}
	}
	if first == len(t.open) {
		seq.Release()
	}
}

// step computes the branches opened last.
func (t *tree) step(ctx context.Context) error {
	from, positions := len(t.open), 0
	for from > 0 && len(t.open)-from < t.m.together && positions < togetherPositions {
		from--
		positions += t.open[from].end - t.open[from].at
	}
	now := slices.Clone(t.open[from:])
	t.open, t.parts = t.open[:from], t.parts[:0]
	for _, b := range now {
		last := t.texts[b.texts[len(b.texts)-1]]
		end := b.end
		if len(last) == end { // nothing comes after the last token
			end--
		}
		t.parts = append(t.parts, engine.Part{Sequence: b.seq, Tokens: last[b.at:end], Want: engine.All})
	}
	if err := t.m.engine.Compute(ctx, t.parts); err != nil {
		return err
	}
	vocab := t.m.engine.VocabSize()
	for k, b := range now {
		p := &t.parts[k]
		if p.Err != nil {
			return p.Err
		}
		for i := b.at + 1; i < b.end; i++ {
			score := t.m.score(p.Logits[(i-b.at-1)*vocab:][:vocab], t.texts[b.texts[0]][i])
			for _, text := range b.texts {
				t.scores[text][i] = score
			}
		}
		if rest := len(p.Tokens) - (b.end - b.at - 1); rest > 0 {
			t.split(b.seq, b.end, b.texts, p.Logits[len(p.Logits)-vocab:])
		} else {
			b.seq.Release()
		}
	}
	return nil
}

// next gives the distributions after texts.
func (m *model) next(ctx context.Context, q wire.Next) (wire.Message, error) {
	watched := len(q.Watch)
	if watched == 0 {
		watched = m.engine.VocabSize()
	}
	if len(q.Texts) > wire.MaxNumbers/watched {
		return nil, fail(wire.FailTooLarge, "%d tokens after %d texts, at most %d numbers", watched, len(q.Texts), wire.MaxNumbers)
	}
	if err := m.checkNext(q); err != nil {
		return nil, err
	}
	reply := wire.Nexts{Top: make([]int32, 0, len(q.Texts)), LogProbs: make([]float32, 0, len(q.Texts)*watched)}
	if len(q.Texts) == 0 {
		return reply, nil
	}
	needed := 0
	for _, text := range q.Texts {
		needed += len(text.Tokens)
	}
	defer m.reading(needed)()
	from := alike(q.Texts)
	base := m.engine.NewSequence()
	if from > 0 {
		known := m.memory.begin(m.engine, q.Texts[0].Tokens[:from+1])
		if len(known.tokens) < from {
			if _, err := known.extend(ctx, q.Texts[0].Tokens[len(known.tokens):from], engine.None); err != nil {
				return nil, err
			}
		}
		base = known.seq
	}
	for texts := q.Texts; len(texts) > 0; {
		parts := m.parts(base, from, texts)
		if err := m.engine.Compute(ctx, parts); err != nil {
			return nil, err
		}
		for i := range parts {
			if parts[i].Err != nil {
				return nil, parts[i].Err
			}
			top, total := distribution(parts[i].Logits)
			reply.Top = append(reply.Top, top)
			reply.LogProbs = appendLogProbs(reply.LogProbs, parts[i].Logits, q.Watch, top, total)
			parts[i].Sequence.Release()
		}
		texts = texts[len(parts):]
	}
	return reply, nil
}

func (m *model) checkNext(q wire.Next) error {
	if err := m.checkTokens(q.Watch); err != nil {
		return err
	}
	embed := m.engine.EmbeddingSize()
	for _, text := range q.Texts {
		n := len(text.Tokens)
		switch {
		case n == 0:
			return fail(wire.FailRequest, "a text without tokens")
		case n > m.engine.Context():
			return fail(wire.FailTooLarge, "%d tokens, the model's context has %d", n, m.engine.Context())
		case len(text.Add)%embed != 0 || text.From > n || len(text.Add)/embed > n-text.From:
			return fail(wire.FailRequest, "%d numbers added from position %d on to %d embeddings of %d", len(text.Add), text.From, n, embed)
		}
		if err := m.checkTokens(text.Tokens); err != nil {
			return err
		}
	}
	return nil
}

// alike is how many positions all texts begin with that are the same and have nothing added; the last token, whose logits are
// wanted, is none of them.
func alike(texts []wire.Perturbed) int {
	n := len(texts[0].Tokens)
	for _, text := range texts {
		n = min(n, len(text.Tokens)-1, common(texts[0].Tokens, text.Tokens))
		if len(text.Add) > 0 {
			n = min(n, text.From)
		}
	}
	return n
}

// parts returns what is left to compute of the next texts, after the positions that base has.
func (m *model) parts(base *engine.Sequence, from int, texts []wire.Perturbed) []engine.Part {
	embed := m.engine.EmbeddingSize()
	var parts []engine.Part
	positions := 0
	for _, text := range texts {
		if len(parts) == m.together || positions >= togetherPositions {
			break
		}
		p := engine.Part{Sequence: base.Fork(), Tokens: text.Tokens[from:], Want: engine.Last}
		for i := range len(text.Add) / embed {
			at := text.From - from + i
			p.Add = append(p.Add, engine.Addition{Layer: engine.Input, From: at, To: at + 1, Vector: text.Add[i*embed:][:embed]})
		}
		positions += len(p.Tokens)
		parts = append(parts, p)
	}
	return parts
}

// distribution returns the most likely token and the sum of exp(logit - its logit), in the order of the vocabulary.
func distribution(logits []float32) (top int32, total float64) {
	for i, v := range logits {
		if v > logits[top] {
			top = int32(i)
		}
	}
	for _, v := range logits {
		total += float64(kernel.Exp(v - logits[top]))
	}
	return top, total
}

func appendLogProbs(out, logits []float32, watch []int32, top int32, total float64) []float32 {
	less := kernel.Log(total)
	if len(watch) == 0 {
		for _, v := range logits {
			out = append(out, float32(float64(v-logits[top])-less))
		}
		return out
	}
	for _, id := range watch {
		out = append(out, float32(float64(logits[id]-logits[top])-less))
	}
	return out
}

func (m *model) promptTokens(q wire.Prompt) (wire.Message, error) {
	read, err := m.prompt(wire.Generate{Messages: q.Messages, Prompt: q.Prompt})
	if err != nil {
		return nil, err
	}
	reply := wire.Tokens{Tokens: make([]wire.Token, len(read))}
	for i, t := range read {
		reply.Tokens[i] = wire.Token(t)
	}
	return reply, nil
}

func (m *model) pieces(q wire.Pieces) (wire.Message, error) {
	vocab := m.engine.VocabSize()
	if q.N < 1 || q.N > wire.MaxTexts || q.From > vocab-q.N {
		return nil, fail(wire.FailRequest, "texts of tokens %d to %d of %d, at most %d", q.From, q.From+q.N, vocab, wire.MaxTexts)
	}
	reply := wire.Texts{Texts: make([]string, q.N)}
	for i := range reply.Texts {
		reply.Texts[i] = string(m.text(int32(q.From + i))) //nolint:gosec // G115: below the vocabulary's size
	}
	return reply, nil
}

func (m *model) rowsOf(q wire.Rows) (wire.Message, error) {
	embed, vocab := m.engine.EmbeddingSize(), m.engine.VocabSize()
	switch {
	case q.N < 1 || q.N > vocab || q.From > vocab-q.N:
		return nil, fail(wire.FailRequest, "rows of tokens %d to %d of %d", q.From, q.From+q.N, vocab)
	case q.N > wire.MaxNumbers/embed:
		return nil, fail(wire.FailTooLarge, "%d rows of %d numbers, at most %d", q.N, embed, wire.MaxNumbers/embed)
	}
	values := make([]float32, 0, q.N*embed)
	for id := q.From; id < q.From+q.N; id++ {
		row := m.engine.Embedding
		if q.Output {
			row = m.engine.Unembedding
		}
		values = append(values, row(int32(id))...) //nolint:gosec // G115: below the vocabulary's size
	}
	if !kernel.Finite(values) {
		return nil, fail(wire.FailModel, "weights of tokens %d to %d are not finite numbers", q.From, q.From+q.N)
	}
	return wire.Floats{Values: values}, nil
}
