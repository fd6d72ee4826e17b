package pii

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A pattern is the shape of a value. It is matched greedily and without going back, so that time is linear in its length.
//
// Its notation: 9 a digit, A a letter, X a letter or digit, h a hex digit, b a letter of Base64, w one of Base64 for
// addresses, n one of these or =, d one of these or a dot, letters in either case; [..] one of a set with ranges; any
// other character itself; {n} or {n,m} how often; ? at most once; = the same separator as the first set of separators took.
type pattern struct {
	elems []elem
	// leadDigits and leadLetters are how many digits, or letters and then a digit, a text may begin with: bits of counts,
	// the highest bit standing for all higher counts.
	leadDigits, leadLetters uint32
}

type elem struct {
	set      *byteSet
	min, max uint16
	sep      bool // takes no letters or digits; not part of the value
	same     bool
}

// A byteSet is what an element takes. Elements that are written alike share one.
type byteSet struct {
	has     [256]bool
	classes uint8   // of its bytes, a bit each
	gaps    []uint8 // the first kinds of its bytes, as in gapKind
}

const maxLead = 31

// sets are the sets of all patterns, by their notation.
var sets = struct {
	mu   sync.Mutex
	made map[string]*byteSet
}{made: map[string]*byteSet{}}

// compile panics for a wrong notation: shapes are constants of this package.
func compile(shape string) pattern {
	sets.mu.Lock()
	defer sets.mu.Unlock()
	p := pattern{elems: make([]elem, 0, len(shape)/2)}
	for i := 0; i < len(shape); {
		e := elem{min: 1, max: 1}
		end := i + 1
		switch shape[i] {
		case '=':
			e.same, e.min = true, 0
		case '[':
			end = i + strings.IndexByte(shape[i:], ']') + 1
		}
		e.set = sets.made[shape[i:end]]
		if e.set == nil {
			e.set = newByteSet(shape[i:end])
			sets.made[shape[i:end]] = e.set
		}
		e.sep = e.set.classes&^(1<<(classes-1)) == 0
		i = e.readCount(shape, end)
		p.elems = append(p.elems, e)
	}
	p.leadDigits = p.lead(0)
	p.leadLetters = p.lead(1)
	return p
}

func newByteSet(notation string) *byteSet {
	s := &byteSet{}
	switch c := notation[0]; c {
	case '9':
		s.addRange('0', '9')
	case 'A':
		s.addLetters('A', 'Z')
	case 'X':
		s.addRange('0', '9')
		s.addLetters('A', 'Z')
	case 'h':
		s.addRange('0', '9')
		s.addLetters('A', 'F')
	case 'b', 'w', 'n', 'd':
		s.addRange('0', '9')
		s.addLetters('A', 'Z')
		for _, c := range []byte(map[byte]string{'b': "+/", 'w': "_-", 'n': "_-=", 'd': "_-=."}[c]) {
			s.has[c] = true
		}
	case '=':
	case '[':
		s.addList(notation[1 : len(notation)-1])
	default:
		s.addLetters(c, c)
	}
	for c, in := range s.has {
		if !in {
			continue
		}
		s.classes |= 1 << gapClass[c]
		if !slices.Contains(s.gaps, gapKind[c]) {
			s.gaps = append(s.gaps, gapKind[c])
		}
	}
	return s
}

// addList adds bytes and ranges of them.
func (s *byteSet) addList(list string) {
	for j := 0; j < len(list); j++ {
		switch {
		case j+2 >= len(list) || list[j+1] != '-':
			s.addLetters(list[j], list[j])
			continue
		case isAlpha(list[j]):
			s.addLetters(list[j], list[j+2])
		default:
			s.addRange(list[j], list[j+2])
		}
		j += 2
	}
}

func (s *byteSet) addRange(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s.has[c] = true
	}
}

// addLetters adds a range in both cases.
func (s *byteSet) addLetters(lo, hi byte) {
	if !isAlpha(lo) {
		s.addRange(lo, hi)
		return
	}
	s.addRange(lo&^0x20, hi&^0x20)
	s.addRange(lo|0x20, hi|0x20)
}

func (e *elem) readCount(shape string, i int) int {
	if i < len(shape) && shape[i] == '?' {
		e.min = 0
		return i + 1
	}
	if i >= len(shape) || shape[i] != '{' {
		return i
	}
	end := i + strings.IndexByte(shape[i:], '}')
	lo, hi, ranged := strings.Cut(shape[i+1:end], ",")
	e.min = count(lo)
	e.max = e.min
	if ranged {
		e.max = count(hi)
	}
	return end + 1
}

func count(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		panic(fmt.Sprintf("pii: count %q of a shape", s)) // a constant of this package is wrong
	}
	return uint16(n)
}

// lead says how many bytes of a class a match may begin with, before a byte of another class.
func (p pattern) lead(class uint8) uint32 {
	var mask uint32
	mark := func(lo, hi int) {
		for n := lo; n <= hi; n++ {
			mask |= 1 << min(n, maxLead)
		}
	}
	lo, hi := 0, 0
	for _, e := range p.elems {
		switch {
		case e.set.classes == 1<<class: // only this class
			if e.min == 0 {
				mark(lo, hi)
			}
			lo, hi = lo+int(e.min), hi+int(e.max)
		case e.set.classes>>class&1 == 1: // mixed: any longer run
			mark(lo, maxLead)
			return mask
		case e.min == 0: // a separator that may be missing
			mark(lo, hi)
		default:
			mark(lo, hi)
			return mask
		}
	}
	mark(lo, hi)
	return mask
}

// firstWord is how many letters and digits a match may have before its first separator or its end.
func (p pattern) firstWord() (least, most int) {
	before := true
	for _, e := range p.elems {
		switch {
		case e.same:
		case !e.sep:
			if before {
				least += int(e.min)
			}
			most += int(e.max)
		case e.min > 0:
			return least, most
		default:
			before = false
		}
	}
	return least, most
}

// anyGap are all kinds of what may follow a word.
const anyGap = ^uint64(0)

// gaps says what may follow a word of a length that begins a match, a bit for each kind: anything if the match may end there, else
// a separator that may stand there with what may stand behind it. maxLead stands for any longer word, which anything may follow.
func (p pattern) gaps(length int) (kinds uint64) {
	least, most := 0, 0
	for i, e := range p.elems {
		switch {
		case length == maxLead:
			return anyGap
		case e.same: // only behind a separator
		case !e.sep:
			least, most = least+int(e.min), most+int(e.max)
		case length < least: // the word ends before
			return kinds
		default:
			if length <= most {
				behind := p.behind(i)
				for _, kind := range e.set.gaps {
					kinds |= behind << kind
				}
			}
			if e.min > 0 {
				return kinds
			}
		}
	}
	if length >= least && length <= most {
		return anyGap
	}
	return kinds
}

// behind says of which classes the two bytes behind the separator may be that element i took as its first: where the match may
// end, of any. The bits are counted as kinds are, from the separator's first.
func (p pattern) behind(i int) (bits uint64) {
	const all = 1<<classes - 1
	one, ends := p.following(i, 1)
	if ends {
		return 1<<(classes*classes) - 1
	}
	for _, f := range one {
		two, over := p.following(f.elem, f.took)
		second := uint64(0)
		for _, g := range two {
			second |= uint64(p.elems[g.elem].classesOf())
		}
		if over {
			second = all
		}
		for c := range classes {
			if p.elems[f.elem].classesOf()>>c&1 == 1 {
				bits |= second << (classes * c)
			}
		}
	}
	return bits
}

// A taken is an element that takes a byte, as its so many-th.
type taken struct {
	elem int
	took uint16
}

// following returns the elements that may take the next byte after element i took n bytes, and whether the match may end.
func (p pattern) following(i int, n uint16) (list []taken, ends bool) {
	if n < p.elems[i].max {
		list = append(list, taken{i, n + 1})
	}
	if n < p.elems[i].min {
		return list, false
	}
	for j := i + 1; j < len(p.elems); j++ {
		list = append(list, taken{j, 1})
		if p.elems[j].min > 0 || p.elems[j].same {
			return list, false
		}
	}
	return list, true
}

// classesOf are the classes of the bytes that an element takes, a bit each; of the same separator again, something else.
func (e *elem) classesOf() uint8 {
	if e.same {
		return 1 << (classes - 1)
	}
	return e.set.classes
}

// match reads the pattern at text[at:]. It puts the letters and digits that it took into value, in capitals, and returns
// where it ended, or 0.
func (p *pattern) match(text string, at int, value *[maxValue]byte) (end, n int) {
	var sep byte
	for i := range p.elems {
		e := &p.elems[i]
		if e.same {
			if sep != 0 {
				if at >= len(text) || text[at] != sep {
					return 0, 0
				}
				at++
			}
			continue
		}
		took := uint16(0)
		for took < e.max && at < len(text) && e.set.has[text[at]] {
			c := text[at]
			if e.sep {
				if sep == 0 {
					sep = c
				}
			} else if n < maxValue {
				if c >= 'a' && c <= 'z' {
					c -= 0x20
				}
				value[n] = c
				n++
			}
			took++
			at++
		}
		if took < e.min {
			return 0, 0
		}
	}
	return at, n
}
