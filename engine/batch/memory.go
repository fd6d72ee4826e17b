package batch

import "slices"

// admit begins as many waiting texts as there is room for, and returns the others. A text waits for what another one is about to
// compute, in place of computing it too.
func (g *Generator) admit(waiting []*text) []*text {
	rest := waiting[:0]
	for i, t := range waiting {
		if len(g.active) == g.cfg.Slots {
			return append(rest, waiting[i:]...)
		}
		if !t.ready() {
			rest = append(rest, t)
			continue
		}
		like, same := g.alike(t.req.Prompt)
		if len(g.active) > 0 && g.cfg.Active > 0 && g.held+g.need(t.req, same) > g.cfg.Active {
			return append(rest, waiting[i:]...)
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

// alike returns which remembered text has computed the longest beginning of a prompt, and how long it is. The last token of
// the prompt does not count: its logits are wanted.
func (g *Generator) alike(prompt []int32) (which, same int) {
	for i, t := range g.texts {
		if n := min(common(t.tokens, prompt[:len(prompt)-1]), t.seq.Len()); n > 0 && n >= same {
			which, same = i, n
		}
	}
	return which, same
}

// begin starts a text with the positions that a remembered one has computed of the same beginning.
func (g *Generator) begin(t *text, like, same int) {
	if same > 0 {
		known := g.texts[like]
		t.seq = known.seq.Fork()
		t.seq.Truncate(same)
		g.texts = append(slices.Delete(g.texts, like, like+1), known)
	} else {
		t.seq = g.m.NewSequence()
	}
	t.before = nil
	more := min(t.req.MaxTokens, g.m.Context()-len(t.req.Prompt)+1)
	t.tokens = append(make([]int32, 0, len(t.req.Prompt)+more), t.req.Prompt...)
	t.res.Tokens, t.res.Reused = make([]int32, 0, more), same
	t.held = g.need(t.req, same)
	g.held += t.held
	g.active, g.texts = append(g.active, t), append(g.texts, t)
	g.forget()
}

// retire takes the texts that have ended from those under way. They stay remembered, with what has been computed and may be of
// use.
func (g *Generator) retire() {
	ended := false
	for _, t := range g.active {
		if t.done {
			ended = true
			g.held -= t.held
			g.trim(t)
			t.req, t.res = nil, nil
		}
	}
	if ended {
		g.active = slices.DeleteFunc(g.active, func(t *text) bool { return t.done })
		g.forget()
	}
}

// trim gives back what a text that has ended does not need any more.
func (g *Generator) trim(t *text) {
	if t.req.Once {
		t.seq.Truncate(len(t.req.Prompt))
	}
	t.tokens = t.tokens[:t.seq.Len()]
	kept := t.seq.Fork()
	t.seq.Release()
	t.seq = kept
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
	g.tally.Reset()
	size, ended := 0, 0
	for i, t := range slices.Backward(g.texts) {
		if t.req != nil {
			continue
		}
		ended++
		more := g.tally.More(t.seq)
		if ended > 1 && (len(g.texts)-i > g.cfg.Texts || size+more > g.cfg.Memory) {
			t.seq.Release()
			g.texts = slices.Delete(g.texts, i, i+1)
			continue
		}
		size += more
		g.tally.Add(t.seq)
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
