package pii

import (
	"fmt"
	"strconv"
	"strings"
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
	set      *[256]bool
	min, max uint16
	sep      bool // takes no letters or digits; not part of the value
	same     bool
}

const maxLead = 31

// compile panics for a wrong notation: shapes are constants of this package.
func compile(shape string) pattern {
	var p pattern
	for i := 0; i < len(shape); {
		e := elem{set: &[256]bool{}, min: 1, max: 1}
		i = e.readSet(shape, i)
		i = e.readCount(shape, i)
		e.sep = true
		for c := range 256 {
			e.sep = e.sep && (!e.set[c] || !isAlnum(byte(c)))
		}
		p.elems = append(p.elems, e)
	}
	p.leadDigits = p.lead(isDigit)
	p.leadLetters = p.lead(isAlpha)
	return p
}

func (e *elem) readSet(shape string, i int) int {
	switch c := shape[i]; c {
	case '9':
		e.addRange('0', '9')
	case 'A':
		e.addLetters("AZ")
	case 'X':
		e.addRange('0', '9')
		e.addLetters("AZ")
	case 'h':
		e.addRange('0', '9')
		e.addLetters("AF")
	case 'b', 'w', 'n', 'd':
		e.addRange('0', '9')
		e.addLetters("AZ")
		for _, c := range []byte(map[byte]string{'b': "+/", 'w': "_-", 'n': "_-=", 'd': "_-=."}[c]) {
			e.set[c] = true
		}
	case '=':
		e.same, e.min = true, 0
	case '[':
		end := i + strings.IndexByte(shape[i:], ']')
		for j := i + 1; j < end; j++ {
			if j+2 < end && shape[j+1] == '-' {
				if isAlpha(shape[j]) {
					e.addLetters(string([]byte{shape[j], shape[j+2]}))
				} else {
					e.addRange(shape[j], shape[j+2])
				}
				j += 2
			} else {
				e.addLetters(string([]byte{shape[j], shape[j]}))
			}
		}
		i = end
	default:
		e.addLetters(string([]byte{c, c}))
	}
	return i + 1
}

func (e *elem) addRange(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		e.set[c] = true
	}
}

// addLetters adds a range in both cases.
func (e *elem) addLetters(r string) {
	if !isAlpha(r[0]) {
		e.addRange(r[0], r[1])
		return
	}
	e.addRange(r[0]&^0x20, r[1]&^0x20)
	e.addRange(r[0]|0x20, r[1]|0x20)
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

// lead says how many bytes of a kind a match may begin with, before a byte of another kind.
func (p pattern) lead(kind func(byte) bool) uint32 {
	var mask uint32
	mark := func(lo, hi int) {
		for n := lo; n <= hi; n++ {
			mask |= 1 << min(n, maxLead)
		}
	}
	lo, hi := 0, 0
	for _, e := range p.elems {
		all, some := true, false
		for c, in := range e.set {
			all = all && (!in || kind(byte(c)))
			some = some || in && kind(byte(c))
		}
		switch {
		case all && some: // only this kind
			if e.min == 0 {
				mark(lo, hi)
			}
			lo, hi = lo+int(e.min), hi+int(e.max)
		case some: // mixed: any longer run
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

// gaps says what may follow a word of a length that begins a match: anything if the match may end there, else a separator
// that may stand there with what may stand behind it. maxLead stands for any longer word, which anything may follow.
func (p pattern) gaps(length int) (kinds [gapKinds]bool) {
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
			for c, in := range e.set {
				if in && length <= most {
					p.behind(i, &kinds, gapKind[c])
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

var anyGap = func() (kinds [gapKinds]bool) {
	for i := range kinds {
		kinds[i] = true
	}
	return kinds
}()

// behind adds what the two bytes behind the separator that element i took as its first may be.
func (p pattern) behind(i int, kinds *[gapKinds]bool, kind uint8) {
	first, second := p.next(i, 1)
	for c, in := range first {
		for d, also := range second[c] {
			if in && also {
				kinds[kind+classes*uint8(c)+uint8(d)] = true
			}
		}
	}
}

// next says what classes the byte may have that follows after element i took n bytes, and for each of these what the byte
// behind it may have; where the match may end, all.
func (p pattern) next(i int, n uint16) (first [classes]bool, second [classes][classes]bool) {
	one, ends := p.following(i, n)
	for _, f := range one {
		two, over := p.following(f.elem, f.took)
		for c, in := range p.elems[f.elem].classesOf() {
			first[c] = first[c] || in
			for _, g := range two {
				for d, also := range p.elems[g.elem].classesOf() {
					second[c][d] = second[c][d] || in && also
				}
			}
			for d := range classes {
				second[c][d] = second[c][d] || in && over
			}
		}
	}
	if ends {
		for c := range classes {
			first[c], second[c] = true, [classes]bool{true, true, true}
		}
	}
	return first, second
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

// classesOf are the classes of the bytes that an element takes; of the same separator again, something else.
func (e *elem) classesOf() (in [classes]bool) {
	if e.same {
		in[classes-1] = true
	}
	for c, has := range e.set {
		in[gapClass[c]] = in[gapClass[c]] || has
	}
	return in
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
		for took < e.max && at < len(text) && e.set[text[at]] {
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
