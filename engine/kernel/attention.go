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
		n := groupOf(g, len(queries))
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
	c := scored{base: all.from / a.page * a.page}
	c.width = (all.to - c.base + a.page - 1) / a.page * a.page
	c.x = grown(&a.scores, len(queries)*c.width)
	a.score(&c, queries, all.to, keys)
	out := a.out[:len(queries)*a.head]
	clear(out)
	var f [tileVectors]float32
	for j, q := range queries {
		f[j] = a.soften(c.of(j, span{q.From, q.To}))
		s := span{q.From, min(shared.from, q.To)}
		a.addValues(out[j*a.head:][:a.head], c.of(j, s), s, values)
	}
	a.addShared(out, &c, len(queries), shared, values)
	for j, q := range queries {
		sum, s := out[j*a.head:][:a.head], span{max(shared.to, q.From), q.To}
		a.addValues(sum, c.of(j, s), s, values)
		for d, v := range sum {
			q.Out[d] = float32(v * f[j])
		}
	}
}

// span is the positions from one to before another.
type span struct{ from, to int }

// scored are the scores of a group, of which each query has width from position base on.
type scored struct {
	x           []float32
	base, width int
}

// of returns query j's scores of s.
func (c *scored) of(j int, s span) []float32 {
	return c.x[j*c.width+s.from-c.base : j*c.width+max(s.from, s.to)-c.base]
}

// soften turns scores into what values are multiplied with, but for the factor that it returns.
func (a *Attention) soften(x []float32) float32 {
	Scale(x, a.scale)
	if a.cap != 0 {
		SoftCap(x, a.cap)
	}
	return SoftMax(x)
}

// score multiplies queries with all keys from c.base, where a page begins, to before position to.
func (a *Attention) score(c *scored, queries []Query, to int, keys [][]float32) {
	n := len(queries)
	if use.tile == nil || a.head%lanes != 0 || a.page%tileRows != 0 {
		for j, q := range queries {
			for p := c.base; p < to; p += a.page {
				DotRows(c.of(j, span{p, min(p+a.page, to)}), keys[p/a.page], a.head, q.Q)
			}
		}
		return
	}
	x, t := grown(&a.q, n*a.head), &a.t
	for j, q := range queries {
		use.order(&x[j*lanes], &q.Q[:a.head][0], a.head/lanes, 4*lanes*n, 0)
	}
	*t = floatTile{
		x: &x[0], vectorStep: 4 * lanes * n, acc: &a.acc[0], accStride: 4 * lanes * tileRows * n,
		rowStride: 4 * a.head, step: 4 * lanes, fourStride: 4 * tileRows * a.head,
		dstStride: 4 * c.width, vectors: n, steps: a.head / lanes, first: true, last: true,
	}
	for p := c.base; p < to; p += a.page {
		t.dst, t.w = &c.x[p-c.base], &keys[p/a.page][:a.page*a.head][0]
		t.fours = (min(a.page, to-p) + tileRows - 1) / tileRows
		use.tile(t)
	}
}

// addValues adds the values of s, times the factors p, to out.
func (a *Attention) addValues(out, p []float32, s span, values [][]float32) {
	for s.from < s.to {
		at, n := s.from%a.page, min(a.page-s.from%a.page, s.to-s.from)
		AddRows(out, values[s.from/a.page][at*a.head:], a.head, p[:n])
		s.from, p = s.from+n, p[n:]
	}
}

// addShared adds the values of s, which all n queries see, times their scores.
func (a *Attention) addShared(out []float32, c *scored, n int, s span, values [][]float32) {
	m := &a.m
	*m = mix{
		out: &out[0], outStride: 4 * a.head, pStride: 4 * c.width, stride: 4 * a.head,
		parts: a.head / lanes, outputs: n,
	}
	for s.from < s.to {
		at := s.from % a.page
		m.rows = min(a.page-at, s.to-s.from)
		m.p, m.w = &c.x[s.from-c.base], &values[s.from/a.page][:a.page*a.head][at*a.head]
		use.mix(m)
		s.from += m.rows
	}
}
