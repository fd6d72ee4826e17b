package grammar

// check finds rules that cannot be used, and how many stack entries each state needs.
func (g *Grammar) check() error {
	if err := g.leftRecursion(); err != nil {
		return err
	}
	g.needs()
	if g.states[g.rules[g.root].start].need == never {
		return g.fault(g.root, ErrEmpty, "rule %s never ends")
	}
	if g.states[g.rules[g.root].start].need >= int32(g.limits.Depth) {
		return &LimitError{"depth", g.limits.Depth}
	}
	return nil
}

// backward is the automaton with its edges turned round: for each state the edges that lead to it, and for each rule the
// edges that call it, both by their number; and the state that each edge leaves.
type backward struct {
	into   [][]int32
	called [][]int32
	from   []int32
}

func (g *Grammar) backward() backward {
	b := backward{make([][]int32, len(g.states)), make([][]int32, len(g.rules)), make([]int32, len(g.edges))}
	for s := range g.states {
		for i := g.states[s].first; i < g.states[s].end; i++ {
			e := &g.edges[i]
			b.from[i] = int32(s)
			b.into[e.to] = append(b.into[e.to], i)
			if e.kind == edgeCall {
				b.called[e.rule] = append(b.called[e.rule], i)
			}
		}
	}
	return b
}

// needs fills in the need of every state, smallest first (Knuth, "A generalization of Dijkstra's algorithm", 1977): that of
// a state is the least over its edges, and that of a call is one more than the rule's or what comes after it, if larger.
func (g *Grammar) needs() {
	back := g.backward()
	var now, next []int32
	for s := range g.states {
		g.states[s].need = never
		if g.states[s].final {
			now = append(now, int32(s))
		}
	}
	set := func(s, need, level int32) {
		if g.states[s].need != never {
			return
		}
		if need == level {
			now = append(now, s)
		} else {
			next = append(next, s)
		}
	}
	for level := int32(0); len(now) > 0; level++ {
		for len(now) > 0 {
			s := now[len(now)-1]
			now = now[:len(now)-1]
			if g.states[s].need != never {
				continue
			}
			g.states[s].need = level
			for _, i := range back.into[s] {
				if e := &g.edges[i]; e.kind != edgeCall {
					set(back.from[i], level, level)
				} else if inner := g.states[g.rules[e.rule].start].need; inner != never {
					set(back.from[i], max(level, inner+1), level)
				}
			}
			if r := g.states[s].rule; g.rules[r].start == s {
				for _, i := range back.called[r] {
					if g.states[g.edges[i].to].need != never {
						set(back.from[i], level+1, level)
					}
				}
			}
		}
		now, next = next, now[:0]
	}
}

// empties returns the states from which a rule can end without a byte.
func (g *Grammar) empties() []bool {
	back := g.backward()
	empty := make([]bool, len(g.states))
	var todo []int32
	mark := func(s int32) {
		if !empty[s] {
			empty[s] = true
			todo = append(todo, s)
		}
	}
	for s := range g.states {
		if g.states[s].final {
			mark(int32(s))
		}
	}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range back.into[s] {
			if e := &g.edges[i]; e.kind == edgeEmpty || e.kind == edgeCall && empty[g.rules[e.rule].start] {
				mark(back.from[i])
			}
		}
		if r := g.states[s].rule; g.rules[r].start == s {
			for _, i := range back.called[r] {
				if empty[g.edges[i].to] {
					mark(back.from[i])
				}
			}
		}
	}
	return empty
}

// leftRecursion refuses a rule that can call itself before the first byte.
func (g *Grammar) leftRecursion() error {
	empty := g.empties()
	seen := make([]bool, len(g.states))
	first := make([][]int32, len(g.rules)) // rules that each may begin with
	for r := range g.rules {
		todo := []int32{g.rules[r].start}
		for len(todo) > 0 {
			s := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[s] {
				continue
			}
			seen[s] = true
			for _, e := range g.edges[g.states[s].first:g.states[s].end] {
				if e.kind == edgeCall {
					first[r] = append(first[r], e.rule)
				}
				if e.kind == edgeEmpty || e.kind == edgeCall && empty[g.rules[e.rule].start] {
					todo = append(todo, e.to)
				}
			}
		}
	}
	if r := cycle(first); r >= 0 {
		return g.fault(r, ErrRecursion, "rule %s begins with itself")
	}
	return nil
}

// cycle returns a node of a cycle, or -1 if there is none.
func cycle(next [][]int32) int32 {
	const (
		open = 1
		done = 2
	)
	mark := make([]uint8, len(next))
	type visit struct {
		node int32
		at   int
	}
	for start := range next {
		if mark[start] != 0 {
			continue
		}
		mark[start] = open
		path := []visit{{node: int32(start)}}
		for len(path) > 0 {
			v := &path[len(path)-1]
			if v.at == len(next[v.node]) {
				mark[v.node] = done
				path = path[:len(path)-1]
				continue
			}
			n := next[v.node][v.at]
			v.at++
			switch mark[n] {
			case open:
				return n
			case 0:
				mark[n] = open
				path = append(path, visit{node: n})
			}
		}
	}
	return -1
}
