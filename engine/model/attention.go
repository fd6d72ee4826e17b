package model

import "github.com/hallmark-ml/hallmark/engine/kernel"

// mostTogether is how many positions of a sequence one worker computes the attention of at a time: a multiple of the six
// queries that the kernel is quickest with.
const mostTogether = 12

// together is a range of the rows of a step that belong to one sequence.
type together struct{ from, to int }

// rangesOf appends the ranges of rows, which are slots in order.
func (r *runner) rangesOf(ranges []together, rows []int) []together {
	for j := 0; j < len(rows); {
		from, part := j, r.slots[rows[j]].part
		for j < len(rows) && j < from+mostTogether && r.slots[rows[j]].part == part {
			j++
		}
		ranges = append(ranges, together{from, j})
	}
	return ranges
}

// remember prepares queries and keys of position t and stores keys and values in its sequence, for block i.
func (r *runner) remember(t, i int) {
	m, y, s := r.m, &r.m.layer[i], &r.slots[t]
	angles := r.row(r.turns, m.rotated, t)
	if y.local {
		angles = r.row(r.near, m.rotated, t)
	}
	q, k, v := r.row(r.q, m.heads*m.head, t), r.row(r.k, m.kvHeads*m.head, t), r.row(r.v, m.kvHeads*m.head, t)
	if y.q.bias != nil {
		kernel.Add(q, y.q.bias)
	}
	if y.k.bias != nil {
		kernel.Add(k, y.k.bias)
	}
	if y.v.bias != nil {
		kernel.Add(v, y.v.bias)
	}
	for h := range m.heads {
		m.turn(r.row(q, m.head, h), angles, y.qNorm)
	}
	p := s.seq.pages[s.pos/pageLen]
	for h := range m.kvHeads {
		at := ((i*m.kvHeads+h)*pageLen + s.pos%pageLen) * m.head
		m.turn(r.row(k, m.head, h), angles, y.kNorm)
		copy(p.k[at:][:m.head], r.row(k, m.head, h))
		copy(p.v[at:][:m.head], r.row(v, m.head, h))
	}
}

// turn norms and rotates one head of queries or keys.
func (m *Model) turn(x, angles, norm []float32) {
	if norm != nil {
		kernel.RMSNorm(x, x, norm, m.epsilon)
	}
	if m.arch.rotateHalves {
		kernel.RotateHalves(x, angles)
	} else {
		kernel.Rotate(x, angles)
	}
}

// attend computes the query heads of key-value head h in block i for a range of rows, which are slots in order.
func (r *runner) attend(w *worker, h, i int, rows []int, these together) {
	m := r.m
	group := m.heads / m.kvHeads
	w.queries = w.queries[:0]
	for j := these.from; j < these.to; j++ {
		s, first := &r.slots[rows[j]], 0
		if m.layer[i].local {
			first = max(0, s.pos+1-m.window)
		}
		q, out := r.row(r.q, m.heads*m.head, rows[j])[h*group*m.head:], r.att.Row(j)[h*group*m.head:]
		for g := range group {
			w.queries = append(w.queries, kernel.Query{Q: r.row(q, m.head, g), Out: r.row(out, m.head, g), From: first, To: s.pos + 1})
		}
	}
	s := r.slots[rows[these.from]].seq
	last := w.queries[len(w.queries)-1].To
	w.keys, w.values = w.keys[:0], w.values[:0]
	at, size := (i*m.kvHeads+h)*pageLen*m.head, pageLen*m.head
	for _, p := range s.pages[:pagesFor(last)] {
		w.keys, w.values = append(w.keys, p.k[at:][:size]), append(w.values, p.v[at:][:size])
	}
	w.attention.Run(w.queries, w.keys, w.values)
}
