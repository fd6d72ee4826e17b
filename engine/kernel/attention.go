package kernel

// Query is one head's query at one position of a text.
type Query struct {
	Q, Out   []float32 // [head]
	From, To int       // it sees the positions From to To-1, one at least
}

// Attention is the attention of heads of one size over pages of keys and values, and the working memory of one worker.
type Attention struct {
	head, page int
	scale, cap float32
	t          floatTile
	m          mix
	q          []float32 // a group's queries in the order of tiles
	scores     []float32 // [queries of a group][positions of pages that they see]
	out, acc   []float32
}

// NewAttention returns the attention of heads of head elements over pages of page positions. Scores are multiplied by scale,
// and bounded by [SoftCap] where softCap is not 0.
func NewAttention(head, page int, scale, softCap float32) *Attention {
	return &Attention{
		head: head, page: page, scale: scale, cap: softCap,
		out: make([]float32, tileVectors*head), acc: make([]float32, page*tileVectors*lanes),
	}
}

// Run computes the outputs of queries that share keys and values; keys[i] and values[i] are page i, [page][head]. Each is what
// it would be alone: scores by DotRows, then Scale, SoftCap and SoftMax, AddRows of the values in order of positions, and Scale.
// Queries are quickest next to those that see the same or nearly the same positions.
func (a *Attention) Run(queries []Query, keys, values [][]float32) {
	for g, at := 0, 0; at < len(queries); g++ {
		_, n := groupOf(g, len(queries))
		a.group(queries[at:at+n], keys, values)
		at += n
	}
}

// group computes up to tileVectors queries.
func (a *Attention) group(queries []Query, keys, values [][]float32) {
	all, shared := span{queries[0].From, queries[0].To}, span{queries[0].From, queries[0].To}
	for _, q := range queries {
		all = span{min(all.from, q.From), max(all.to, q.To)}
		shared = span{max(shared.from, q.From), min(shared.to, q.To)}
	}
	if use.mix == nil || a.head%lanes != 0 || shared.from >= shared.to {
		shared = span{all.to, all.to}
	}
	base := all.from / a.page * a.page // the first position that has a score
	width := (all.to - base + a.page - 1) / a.page * a.page
	scores, out := grown(&a.scores, len(queries)*width), a.out[:len(queries)*a.head]
	a.score(scores, width, queries, span{base, all.to}, keys)
	clear(out)
	var f [tileVectors]float32
	for j, q := range queries {
		x := scores[j*width:]
		f[j] = a.soften(x[q.From-base : q.To-base])
		a.addValues(out[j*a.head:][:a.head], x, base, span{q.From, min(shared.from, q.To)}, values)
	}
	a.addShared(out, scores, width, len(queries), base, shared, values)
	for j, q := range queries {
		sum := out[j*a.head:][:a.head]
		a.addValues(sum, scores[j*width:], base, span{max(shared.to, q.From), q.To}, values)
		for d, v := range sum {
			q.Out[d] = float32(v * f[j])
		}
	}
}

// span is the positions from one to before another.
type span struct{ from, to int }

// soften turns scores into what values are multiplied with, but for the factor that it returns.
func (a *Attention) soften(x []float32) float32 {
	Scale(x, a.scale)
	if a.cap != 0 {
		SoftCap(x, a.cap)
	}
	return SoftMax(x)
}

// score sets scores to the products of queries and all keys in s, which begins with a page.
func (a *Attention) score(scores []float32, width int, queries []Query, s span, keys [][]float32) {
	n := len(queries)
	if use.tile == nil || a.head%lanes != 0 || a.page%tileRows != 0 {
		for j, q := range queries {
			for p := s.from; p < s.to; p += a.page {
				DotRows(scores[j*width+p-s.from:][:min(a.page, s.to-p)], keys[p/a.page], a.head, q.Q)
			}
		}
		return
	}
	x, t := grown(&a.q, n*a.head), &a.t
	for j, q := range queries {
		use.order(&x[j*lanes], &q.Q[:a.head][0], a.head/lanes, 4*lanes*n)
	}
	*t = floatTile{
		x: &x[0], vectorStep: 4 * lanes * n, acc: &a.acc[0], accStride: 4 * lanes * tileRows * n,
		rowStride: 4 * a.head, step: 4 * lanes, fourStride: 4 * tileRows * a.head,
		dstStride: 4 * width, vectors: n, steps: a.head / lanes, first: true, last: true,
	}
	for p := s.from; p < s.to; p += a.page {
		t.dst, t.w = &scores[p-s.from], &keys[p/a.page][:a.page*a.head][0]
		t.fours = (min(a.page, s.to-p) + tileRows - 1) / tileRows
		use.tile(t)
	}
}

// addValues adds the values of s to out, times their factors, of which p[0] is that of position base.
func (a *Attention) addValues(out, p []float32, base int, s span, values [][]float32) {
	for s.from < s.to {
		at, n := s.from%a.page, min(a.page-s.from%a.page, s.to-s.from)
		AddRows(out, values[s.from/a.page][at*a.head:], a.head, p[s.from-base:][:n])
		s.from += n
	}
}

// addShared is addValues for n queries that all see s.
func (a *Attention) addShared(out, scores []float32, width, n, base int, s span, values [][]float32) {
	m := &a.m
	*m = mix{
		out: &out[0], outStride: 4 * a.head, pStride: 4 * width, stride: 4 * a.head,
		parts: a.head / lanes, outputs: n,
	}
	for s.from < s.to {
		at := s.from % a.page
		m.rows = min(a.page-at, s.to-s.from)
		m.p, m.w = &scores[s.from-base], &values[s.from/a.page][:a.page*a.head][at*a.head]
		use.mix(m)
		s.from += m.rows
	}
}
