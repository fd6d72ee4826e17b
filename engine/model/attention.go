package model

import "github.com/hallmark-ml/hallmark/engine/kernel"

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
		rotateHalves(x, angles)
	} else {
		kernel.Rotate(x, angles)
	}
}

// attend computes the query heads of key-value head h for slot t in block i, over all positions that it sees, into row j.
func (r *runner) attend(w, h, t, j, i int) {
	m, s := r.m, &r.slots[t]
	length, first := s.pos+1, 0
	if m.layer[i].local {
		first = max(0, length-m.window)
	}
	group, n := m.heads/m.kvHeads, length-first
	scores := r.worker[w].scores
	at := (i*m.kvHeads + h) * pageLen * m.head
	q := r.row(r.q, m.heads*m.head, t)[h*group*m.head:]
	out := r.att.Row(j)[h*group*m.head:]
	for p := first; p < length; {
		off, count := p%pageLen, min(pageLen-p%pageLen, length-p)
		keys := s.seq.pages[p/pageLen].k[at+off*m.head:]
		for g := range group {
			kernel.DotRows(scores[g*n+p-first:][:count], keys, m.head, r.row(q, m.head, g))
		}
		p += count
	}
	for g := range group {
		head := scores[g*n:][:n]
		kernel.Scale(head, m.queryScale)
		if m.attentionCap != 0 {
			softCap(head, m.attentionCap)
		}
		f, sum := kernel.SoftMax(head), r.row(out, m.head, g)
		clear(sum)
		for p := first; p < length; {
			off, count := p%pageLen, min(pageLen-p%pageLen, length-p)
			kernel.AddRows(sum, s.seq.pages[p/pageLen].v[at+off*m.head:], m.head, head[p-first:][:count])
			p += count
		}
		kernel.Scale(sum, f)
	}
}

// softCap bounds x to -c..c: c tanh(x/c).
func softCap(x []float32, c float32) {
	for i, v := range x {
		e := kernel.Exp(float32(v / c * 2))
		x[i] = float32(c * (1 - 2/(1+e)))
	}
}

// geGLU sets dst to gelu(gate) times up by element; gelu(x) is x / (1 + e^-2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
func geGLU(dst, gate, up []float32) {
	const root = 0.797884560802865355879892119868763737
	for i, x := range gate {
		cube := float32(float32(x*x) * x)
		u := float32(root * (x + float32(0.044715*cube)))
		dst[i] = float32(x / (1 + kernel.Exp(float32(-2*u))) * up[i])
	}
}
