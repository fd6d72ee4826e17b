package batch

import "slices"

// worthWaiting is how many positions that another text is about to compute a text waits for, in place of computing them too.
const worthWaiting = 16

// admit begins as many waiting texts as there is room for, and returns the others.
func (g *Generator) admit(waiting []*text) []*text {
	rest := waiting[:0]
	for i, t := range waiting {
		if len(g.active) == g.cfg.Slots {
			return append(rest, waiting[i:]...)
		}
		like, same := g.alike(t.req.Prompt)
		if len(g.active) > 0 && g.cfg.Active > 0 && g.held+g.need(t.req, same) > g.cfg.Active {
			return append(rest, waiting[i:]...)
		}
		if same > 0 && g.texts[like].req != nil && same-g.texts[like].seq.Len() >= worthWaiting {
			rest = append(rest, t)
			continue
		}
		g.begin(t, like, same)
	}
	clear(waiting[len(rest):])
	return rest
}

// need is how many bytes a text of which some positions are known takes at its greatest length. Pages are copied whole.
func (g *Generator) need(r *Request, known int) int {
	const page = 32
	return (min(len(r.Prompt)+r.MaxTokens, g.m.Context()) - known + page) * g.m.PositionSize()
}

// alike returns which remembered text has the longest beginning in common with a prompt, and how long it is. The last token
// of the prompt does not count: its logits are wanted.
func (g *Generator) alike(prompt []int32) (which, same int) {
	for i, t := range g.texts {
		if n := common(t.tokens, prompt[:len(prompt)-1]); n > 0 && n >= same {
			which, same = i, n
		}
	}
	return which, same
}

// begin starts a text with the positions that a remembered one has computed of the same beginning.
func (g *Generator) begin(t *text, like, same int) {
	if same > 0 {
		known := g.texts[like]
		same = min(same, known.seq.Len())
		t.seq = known.seq.Fork()
		t.seq.Truncate(same)
		g.texts = append(slices.Delete(g.texts, like, like+1), known)
	} else {
		t.seq = g.m.NewSequence()
	}
	more := min(t.req.MaxTokens, g.m.Context()-len(t.req.Prompt)+1)
	t.tokens = append(make([]int32, 0, len(t.req.Prompt)+more), t.req.Prompt...)
	t.res.Tokens, t.res.Reused = make([]int32, 0, more), same
	t.held = g.need(t.req, same)
	g.held += t.held
	g.active, g.texts = append(g.active, t), append(g.texts, t)
	g.forget()
}

// retire takes the texts that have ended from those under way. They stay remembered, with what has been computed.
func (g *Generator) retire() {
	ended := false
	for _, t := range g.active {
		if t.done {
			ended = true
			g.held -= t.held
			t.tokens = t.tokens[:t.seq.Len()]
			t.req, t.res = nil, nil
		}
	}
	if ended {
		g.active = slices.DeleteFunc(g.active, func(t *text) bool { return t.done })
		g.forget()
	}
}

// drop gives up the texts under way.
func (g *Generator) drop() {
	for _, t := range g.active {
		t.done = true
	}
	g.retire()
}

// forget drops texts that are not under way and were not used for longest until the others are within bounds. One is kept
// in any case: those that wait may begin like it.
func (g *Generator) forget() {
	size, ended := 0, 0
	for i, t := range slices.Backward(g.texts) {
		if t.req != nil {
			continue
		}
		ended++
		if size += t.seq.Size(); ended > 1 && (len(g.texts)-i > g.cfg.Texts || size > g.cfg.Memory) {
			size -= t.seq.Size()
			t.seq.Release()
			g.texts = slices.Delete(g.texts, i, i+1)
		}
	}
}

// common is the length of the longest beginning that a and b share.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
