package grammar

import (
	"encoding/binary"
	"slices"
)

// Bottoms of a stack, in place of a parent.
const (
	whole   int32 = -1 // below is the end of the text
	unknown int32 = -2 // what is below does not matter yet
)

// Configurations that every machine has.
const (
	unset int32 = 0 // a transition that is not known yet
	dead  int32 = 1 // no text leads on
)

// machine makes the automaton deterministic as far as it is used. Its stacks and configurations are numbered, equal ones
// by the same number.
type machine struct {
	g     *Grammar
	v     *Vocabulary
	width int // of a row of next: the classes of bytes

	stacks  []stack
	stackID map[[2]int32]int32

	configs  []config
	configID map[string]int32
	next     []int32 // by configuration and class

	locals map[int32]*local
	masks  [][]uint64 // by configuration; nil if not made yet
	reach  int32      // depth and need of the stacks with an unknown bottom, at most
	below  []int32    // by stack: the configuration after its rule has ended; unset if not known
	cost   int        // bytes, about

	// Scratch.
	todo, kept []int32
	seen       map[int32]struct{}
	key        []byte
	at         []int32 // configuration by depth of the trie
	work       int     // left of this call
}

// stack is a state whose rule will return to the parent.
type stack struct {
	state, parent int32
	depth         int32 // entries below
	open          bool  // its bottom is unknown
}

// config is a set of stacks whose states have byte edges.
type config struct {
	stacks []int32
	ends   bool // the whole text may end here
	pops   bool // the rule at an unknown bottom may end here
}

// local is what a state allows whatever is below its rule.
type local struct {
	mask []uint64
	pops []int32 // trie nodes with nodes below them at which the rule may have ended
}

func newMachine(g *Grammar, v *Vocabulary) *machine {
	m := &machine{
		g: g, v: v, width: len(g.member),
		stackID: map[[2]int32]int32{}, configID: map[string]int32{}, locals: map[int32]*local{},
		seen: map[int32]struct{}{}, at: make([]int32, maxTokenBytes+1),
	}
	m.add(config{}) // unset
	m.add(config{}) // dead
	m.configID[""] = dead
	return m
}

// push returns the number of a stack.
func (m *machine) push(state, parent int32) int32 {
	if id, ok := m.stackID[[2]int32{state, parent}]; ok {
		return id
	}
	s := stack{state: state, parent: parent, open: parent == unknown}
	if parent >= 0 {
		s.depth, s.open = m.stacks[parent].depth+1, m.stacks[parent].open
	}
	if need := m.g.states[state].need; s.open && need != never {
		m.reach = max(m.reach, s.depth+need)
	}
	id := int32(len(m.stacks))
	m.stacks, m.below = append(m.stacks, s), append(m.below, unset)
	m.stackID[[2]int32{state, parent}] = id
	m.cost += 64
	return id
}

// fits says that the rest of the text can end within the depth that is left.
func (m *machine) fits(state, depth int32) bool {
	return int64(m.g.states[state].need)+int64(depth) < int64(m.g.limits.Depth)
}

// add makes a configuration.
func (m *machine) add(c config) int32 {
	m.configs, m.masks = append(m.configs, c), append(m.masks, nil)
	m.next = append(m.next, make([]int32, m.width)...)
	m.cost += 128 + 8*len(c.stacks) + 4*m.width
	return int32(len(m.configs) - 1)
}

// settle returns the configuration of all stacks that those in todo lead to without a byte.
func (m *machine) settle() (int32, error) {
	clear(m.seen)
	m.kept = m.kept[:0]
	var c config
	for len(m.todo) > 0 {
		id := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		switch id {
		case whole:
			c.ends = true
			continue
		case unknown:
			c.pops = true
			continue
		}
		if _, ok := m.seen[id]; ok {
			continue
		}
		m.seen[id] = struct{}{}
		if m.work < 0 {
			return dead, &LimitError{"work", m.g.limits.Work}
		}
		m.expand(id)
	}
	slices.Sort(m.kept)
	m.key = m.key[:0]
	for _, id := range m.kept {
		m.key = binary.LittleEndian.AppendUint32(m.key, uint32(id))
	}
	if c.ends {
		m.key = append(m.key, 'e')
	}
	if c.pops {
		m.key = append(m.key, 'p')
	}
	if id, ok := m.configID[string(m.key)]; ok {
		return id, nil
	}
	c.stacks = slices.Clone(m.kept)
	m.cost += len(m.key)
	id := m.add(c)
	m.configID[string(m.key)] = id
	return id, nil
}

// expand puts what a stack leads to without a byte into todo, and into kept if it has byte edges.
func (m *machine) expand(id int32) {
	top := m.stacks[id]
	s := &m.g.states[top.state]
	m.work -= 1 + int(s.end-s.first)
	if !m.fits(top.state, top.depth) {
		return
	}
	if s.final {
		m.todo = append(m.todo, top.parent)
	}
	reads := false
	for _, e := range m.g.edges[s.first:s.end] {
		switch e.kind {
		case edgeByte:
			reads = true
		case edgeEmpty:
			m.todo = append(m.todo, m.push(e.to, top.parent))
		default:
			if !m.fits(e.to, top.depth) {
				continue
			}
			start := m.g.rules[e.rule].start
			if after := &m.g.states[e.to]; after.final && after.first == after.end {
				m.todo = append(m.todo, m.push(start, top.parent)) // nothing to come back for
				continue
			}
			m.todo = append(m.todo, m.push(start, m.push(e.to, top.parent)))
		}
	}
	if reads {
		m.kept = append(m.kept, id)
	}
}

// step returns the configuration after a byte of a class.
func (m *machine) step(c int32, class uint8) (int32, error) {
	at := int(c)*m.width + int(class)
	if n := m.next[at]; n != unset {
		return n, nil
	}
	b := m.g.member[class]
	m.todo = m.todo[:0]
	for _, id := range m.configs[c].stacks {
		top := m.stacks[id]
		s := &m.g.states[top.state]
		for _, e := range m.g.edges[s.first:s.end] {
			if e.kind == edgeByte && e.low <= b && b <= e.high {
				m.todo = append(m.todo, m.push(e.to, top.parent))
			}
		}
		m.work -= int(s.end - s.first)
	}
	n, err := m.settle()
	if err != nil {
		return dead, err
	}
	if m.cost > 4*m.g.limits.CacheBytes {
		return dead, &LimitError{"cache bytes", m.g.limits.CacheBytes}
	}
	m.next[at] = n
	return n, nil
}

// walk sets in mask the tokens at the nodes [from, to) that lead on from a configuration at the depth before from. It
// returns the nodes at which an unknown bottom was reached and that have nodes below.
func (m *machine) walk(c, from, to int32, mask []uint64, pops *[]int32) error {
	if from >= to {
		return nil
	}
	v := m.v
	m.at[v.depth[from]-1] = c
	for n := from; n < to; {
		d := v.depth[n]
		class := m.g.class[v.label[n]]
		next := m.next[int(m.at[d-1])*m.width+int(class)]
		if next == unset {
			var err error
			if next, err = m.step(m.at[d-1], class); err != nil {
				return err
			}
		}
		if next == dead {
			n = v.after[n]
			continue
		}
		m.at[d] = next
		for _, id := range v.ids[v.first[n]:v.first[n+1]] {
			mask[id>>6] |= 1 << (id & 63)
		}
		if pops != nil && m.configs[next].pops && n+1 < v.after[n] {
			*pops = append(*pops, n)
		}
		n++
	}
	m.work -= int(to - from)
	if m.work < 0 {
		return &LimitError{"work", m.g.limits.Work}
	}
	return nil
}

// local returns what the state of a stack allows whatever is below its rule.
func (m *machine) local(state int32) (*local, error) {
	if l, ok := m.locals[state]; ok {
		return l, nil
	}
	l := &local{mask: make([]uint64, m.v.words())}
	m.todo = append(m.todo[:0], m.push(state, unknown))
	c, err := m.settle()
	if err != nil {
		return nil, err
	}
	if err := m.walk(c, 1, int32(len(m.v.label)), l.mask, &l.pops); err != nil {
		return nil, err
	}
	m.locals[state] = l
	m.cost += 8*len(l.mask) + 4*len(l.pops)
	return l, nil
}

// mask returns the tokens that a configuration allows.
func (m *machine) mask(c int32) ([]uint64, error) {
	if m.masks[c] != nil {
		return m.masks[c], nil
	}
	mask := make([]uint64, m.v.words())
	if m.configs[c].ends {
		for _, id := range m.v.ends {
			mask[id>>6] |= 1 << (id & 63)
		}
	}
	for _, id := range m.configs[c].stacks {
		if err := m.allow(id, mask); err != nil {
			return nil, err
		}
	}
	m.masks[c] = mask
	m.cost += 8 * len(mask)
	return mask, nil
}

// allow adds the tokens that a stack allows to mask: those of its state, and below the nodes at which its rule may have
// ended, those of the rest of the stack.
func (m *machine) allow(id int32, mask []uint64) error {
	top := m.stacks[id]
	l, err := m.local(top.state)
	if err != nil {
		return err
	}
	if top.depth+m.reach >= int32(m.g.limits.Depth) { // what is below matters: it may leave too little depth
		m.todo = append(m.todo[:0], id)
		c, err := m.settle()
		if err != nil {
			return err
		}
		return m.walk(c, 1, int32(len(m.v.label)), mask, nil)
	}
	for i, w := range l.mask {
		mask[i] |= w
	}
	if top.parent < 0 || len(l.pops) == 0 {
		return nil
	}
	rest, err := m.rest(top.parent)
	if err != nil {
		return err
	}
	for _, n := range l.pops {
		if err := m.walk(rest, n+1, m.v.after[n], mask, nil); err != nil {
			return err
		}
	}
	return nil
}

// rest returns the configuration of a stack on its own, after the rule above it has ended.
func (m *machine) rest(id int32) (int32, error) {
	if m.below[id] != unset {
		return m.below[id], nil
	}
	m.todo = append(m.todo[:0], id)
	c, err := m.settle()
	if err == nil {
		m.below[id] = c
	}
	return c, err
}

// adopt returns the configuration of another machine for the same grammar and vocabulary.
func (m *machine) adopt(other *machine, c int32) int32 {
	from := &other.configs[c]
	m.todo = m.todo[:0]
	for _, id := range from.stacks {
		m.todo = append(m.todo, m.copyStack(other, id))
	}
	if from.ends {
		m.todo = append(m.todo, whole)
	}
	m.work = m.g.limits.Work
	id, err := m.settle()
	if err != nil {
		return dead // not reached: the other machine has settled the same stacks
	}
	return id
}

func (m *machine) copyStack(other *machine, id int32) int32 {
	var path []int32
	for ; id >= 0; id = other.stacks[id].parent {
		path = append(path, other.stacks[id].state)
	}
	for _, state := range slices.Backward(path) {
		id = m.push(state, id)
	}
	return id
}
