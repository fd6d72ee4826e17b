package token

// A symbol is a piece of a word while its neighbours are being merged. Merged symbols grow to the right.
type symbol struct {
	start, end int32 // bytes of the word; empty once merged into the symbol on its left
	prev, next int32 // neighbours, or -1
	id         int32 // its token, or none
}

// A candidate is two neighbours that may be merged.
type candidate struct {
	rank        uint32 // the smaller the earlier; of equal ranks the leftmost goes first
	left, right int32
	size        int32 // of both: an older candidate for the same symbols has another
	id          int32 // of the merged token
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.left < d.left
}

// A merger merges neighbouring symbols, best first, until no two can be. It takes n log n time for n symbols: each merge
// adds at most two candidates to the heap.
type merger struct {
	symbols []symbol
	heap    []candidate
	// pair returns the rank and token of two neighbours, if they may be merged.
	pair func(l, r symbol) (rank uint32, id int32, ok bool)
}

// reset makes room for a new word.
func (m *merger) reset() { m.symbols, m.heap = m.symbols[:0], m.heap[:0] }

// add appends a symbol of the word.
func (m *merger) add(start, end int, id int32) {
	n := int32(len(m.symbols))
	m.symbols = append(m.symbols, symbol{int32(start), int32(end), n - 1, -1, id})
	if n > 0 {
		m.symbols[n-1].next = n
	}
}

// run merges. What remains is the chain of symbols from the first one, which is never merged away.
func (m *merger) run() {
	for i := 1; i < len(m.symbols); i++ {
		m.offer(int32(i-1), int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		l, r := &m.symbols[c.left], &m.symbols[c.right]
		if l.start == l.end || r.start == r.end || l.next != c.right || r.end-l.start != c.size {
			continue // one of them was merged since
		}
		l.end, l.id, l.next = r.end, c.id, r.next
		r.start = r.end
		if l.next >= 0 {
			m.symbols[l.next].prev = c.left
		}
		m.offer(l.prev, c.left)
		m.offer(c.left, l.next)
	}
}

func (m *merger) offer(left, right int32) {
	if left < 0 || right < 0 {
		return
	}
	l, r := m.symbols[left], m.symbols[right]
	rank, id, ok := m.pair(l, r)
	if !ok {
		return
	}
	m.heap = append(m.heap, candidate{rank, left, right, r.end - l.start, id})
	for i := len(m.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !m.heap[i].before(m.heap[up]) {
			break
		}
		m.heap[i], m.heap[up] = m.heap[up], m.heap[i]
		i = up
	}
}

func (m *merger) pop() candidate {
	top, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	for i := 0; ; {
		best := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if m.heap[child].before(m.heap[best]) {
				best = child
			}
		}
		if best == i {
			return top
		}
		m.heap[i], m.heap[best] = m.heap[best], m.heap[i]
		i = best
	}
}
