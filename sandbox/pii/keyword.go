package pii

import "sync"

// An automaton of A. Aho and M. Corasick (Efficient string matching, 1975) as one dense table: next state by state and
// kind of byte. It finds all keywords in a name in one pass.
type automaton struct {
	next [][keywordKinds]uint16
	out  []keywordSet // of each state
}

// keywordKinds are the letters in either case, digits together, and three marks; everything else is kind 0.
const keywordKinds = 31

type keywordSet [3]uint64

func (k *keywordSet) has(i int) bool { return k[i/64]>>(i%64)&1 == 1 }
func (k *keywordSet) set(i int)      { k[i/64] |= 1 << (i % 64) }
func (k *keywordSet) any() bool      { return k[0]|k[1]|k[2] != 0 }

var keywordKind = func() (t [256]uint8) {
	for c := range 26 {
		t['a'+c], t['A'+c] = uint8(c+1), uint8(c+1)
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = 27
	}
	t['_'], t['-'], t['.'] = 28, 29, 30
	return t
}()

// What stands in a process that may never see a text is made with the first one.
var keywordAutomaton = sync.OnceValue(func() *automaton { return buildAutomaton(keywords()) })

func buildAutomaton(words []keyword) *automaton {
	most := 1
	for _, w := range words {
		most += len(w.text)
	}
	a := &automaton{next: make([][keywordKinds]uint16, 1, most), out: make([]keywordSet, 1, most)}
	for i, w := range words {
		state := uint16(0)
		for j := range len(w.text) {
			k := keywordKind[w.text[j]]
			if a.next[state][k] == 0 {
				a.next = append(a.next, [keywordKinds]uint16{})
				a.out = append(a.out, keywordSet{})
				a.next[state][k] = uint16(len(a.next) - 1)
			}
			state = a.next[state][k]
		}
		a.out[state].set(i)
	}
	a.link()
	return a
}

// link fills the transitions that the trie lacks with those of the longest suffix, breadth first.
func (a *automaton) link() {
	suffix := make([]uint16, len(a.next))
	var queue []uint16
	for _, to := range a.next[0] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for i, bits := range a.out[suffix[state]] {
			a.out[state][i] |= bits
		}
		for k, to := range a.next[state] {
			back := a.next[suffix[state]][k]
			if to == 0 {
				a.next[state][k] = back
				continue
			}
			suffix[to] = back
			queue = append(queue, to)
		}
	}
}

// find returns the keywords in text.
func (a *automaton) find(text string) (found keywordSet) {
	state := uint16(0)
	for i := range len(text) {
		state = a.next[state][keywordKind[text[i]]]
		out := &a.out[state]
		found[0], found[1], found[2] = found[0]|out[0], found[1]|out[1], found[2]|out[2]
	}
	return found
}
