package pii

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Bounds of decoding: how deep encodings are followed, and how many bytes they may give, for a text of n bytes n more
// and a little.
const (
	maxDepth     = 5
	leastEncoded = 24
	budgetBase   = 64 << 10
	maxEncoded   = 64 << 10 // the longest encoded part
	maxEscaped   = 4096     // the longest word with escapes that is decoded at once
)

// A layer is one decoded text, with where each of its bytes came from in the text above.
type layer struct {
	text    []byte
	from    []int32 // one more than text
	touched []bool  // bytes that were encoded; the others were seen above already
}

// A decoder holds the layers of one text and what may still be decoded.
type decoder struct {
	layers [maxDepth]layer
	depth  int
	budget int
}

func (d *decoder) start(n int) { d.depth, d.budget = 0, n+budgetBase }

// An above is what a scanner keeps of a text while it reads one that was decoded from it.
type above struct {
	text                                                           string
	fields                                                         []Field
	field                                                          int
	urlEnd, secretEnd, decodedEnd, assignedEnd, phoneEnd, plainEnd int
}

// inside scans a decoded layer and maps what it finds to the text above.
func (s *Scanner) inside(l *layer) {
	if len(l.text) < 4 || len(l.text) > s.decode.budget {
		return
	}
	s.decode.budget -= len(l.text)
	keep := above{s.text, s.fields, s.field, s.urlEnd, s.secretEnd, s.decodedEnd, s.assignedEnd, s.phoneEnd, s.plainEnd}
	first := len(s.out)
	outer := s.out
	s.out = s.out[first:] // so that matches of the text above are not compared with places of this one
	s.decode.depth++
	s.begin(viewOf(l.text), nil)
	s.run(0)
	s.decode.depth--
	kept := s.out[:0]
	for _, m := range s.out {
		if m.Confidence < Medium || !l.isTouched(m.Start, m.End) {
			continue // text that happens to decode gives many weak ones
		}
		m.rank = rankDecoded
		m.Start, m.End = int(l.from[m.Start]), int(l.from[m.End])
		kept = append(kept, m)
	}
	s.text, s.fields, s.field, s.contextAt = keep.text, keep.fields, keep.field, -1
	s.urlEnd, s.secretEnd, s.decodedEnd, s.assignedEnd, s.phoneEnd, s.plainEnd = keep.urlEnd, keep.secretEnd, keep.decodedEnd, keep.assignedEnd, keep.phoneEnd, keep.plainEnd
	s.out = append(outer, kept...)
}

func (l *layer) isTouched(start, end int) bool {
	for _, t := range l.touched[start:end] {
		if t {
			return true
		}
	}
	return false
}

// next returns the layer below the current one, empty, or nil if it would be too deep.
func (s *Scanner) next() *layer {
	if s.decode.depth == maxDepth || s.decode.budget <= 0 || len(s.text) > math.MaxInt32 {
		return nil
	}
	l := &s.decode.layers[s.decode.depth]
	l.text, l.from, l.touched = l.text[:0], l.from[:0], l.touched[:0]
	return l
}

func (l *layer) put(c byte, from int, touched bool) {
	l.text, l.from, l.touched = append(l.text, c), append(l.from, int32(from)), append(l.touched, touched)
}

// findEncoded decodes the run of Base64 or hex around the long word at [start, end), if text comes out.
func (s *Scanner) findEncoded(start, end int) {
	if start < s.decodedEnd {
		return
	}
	text := s.text
	from, to := start, end
	for from > s.decodedEnd && start-from < maxEncoded && isBase64(text[from-1]) {
		from--
	}
	for to < len(text) && to-from < maxEncoded && isBase64(text[to]) {
		to++
	}
	s.decodedEnd = to
	l := s.next()
	if l == nil {
		return
	}
	// A path or a name may stand before the run: then only the word is one.
	for _, at := range [2][2]int{{from, to}, {start, to}} {
		if (at[1]-at[0])%2 == 0 && allHex(text[at[0]:at[1]]) && l.hex(text, at[0], at[1]) || l.base64(text, at[0], at[1]) {
			l.from = append(l.from, int32(at[1]))
			s.inside(l)
			return
		}
		l.text, l.from, l.touched = l.text[:0], l.from[:0], l.touched[:0]
		if from == start {
			return
		}
	}
}

func isBase64(c byte) bool { return isWord(c) || c == '+' || c == '/' || c == '-' }

// hex decodes pairs of digits; it reports whether printable text came out.
func (l *layer) hex(text string, from, to int) bool {
	for i := from; i+1 < to; i += 2 {
		c := hexValue(text[i])<<4 | hexValue(text[i+1])
		if !printable(c) {
			l.text, l.from, l.touched = l.text[:0], l.from[:0], l.touched[:0]
			return false
		}
		l.put(c, i, true)
	}
	return true
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// printable accepts what text of any language is made of, and no other control characters.
func printable(c byte) bool { return c >= ' ' && c != 0x7f || c == '\n' || c == '\t' || c == '\r' }

// base64Values maps both alphabets of RFC 4648; 64 is none.
var base64Values = func() (t [256]uint8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = 64
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// base64 decodes four letters to three bytes; it gives up at the first byte that no text holds.
func (l *layer) base64(text string, from, to int) bool {
	bits, n := uint32(0), 0
	for i := from; i < to; i++ {
		v := base64Values[text[i]]
		if v > 63 {
			return false
		}
		bits = bits<<6 | uint32(v)
		n++
		if n%4 != 1 {
			c := byte(bits >> ((4 - n%4) % 4 * 2))
			if !printable(c) {
				return false
			}
			l.put(c, i-1, true)
		}
	}
	if len(l.text) < leastEncoded*3/4-2 || !utf8.Valid(l.text) {
		return false
	}
	return true
}

// findEscapes decodes the word around an escape at at: percent, backslash with x or u, or an entity of HTML.
func (s *Scanner) findEscapes(at int) {
	if _, n := escapeAt(s.text, at); n == 0 {
		return
	}
	text := s.text
	from := at
	for from > s.decodedEnd && at-from < maxEscaped/4 && text[from-1] > ' ' {
		from--
	}
	to := at
	for to < len(text) && to-from < maxEscaped && text[to] > ' ' {
		to++
	}
	for to < len(text) && to > at+12 && !utf8.RuneStart(text[to]) {
		to-- // not inside a letter
	}
	s.decodedEnd = to
	l := s.next()
	if l == nil {
		return
	}
	for i := from; i < to; {
		if r, n := escapeAt(text, i); n > 0 && i+n <= to {
			var b [utf8.UTFMax]byte
			for _, c := range b[:utf8.EncodeRune(b[:], r)] {
				l.put(c, i, true)
			}
			i += n
			continue
		}
		l.put(text[i], i, false)
		i++
	}
	l.from = append(l.from, int32(to))
	s.inside(l)
}

// escapeAt reads one escape, and returns what it stands for and how long it is, or 0.
func escapeAt(text string, at int) (r rune, n int) {
	switch text[at] {
	case '%':
		return hexAt(text, at, 1, 2)
	case '\\':
		if at+1 < len(text) && text[at+1] == 'x' {
			return hexAt(text, at, 2, 2)
		}
		if at+1 < len(text) && text[at+1] == 'u' {
			return hexAt(text, at, 2, 4)
		}
	case '&':
		return entityAt(text, at)
	}
	return 0, 0
}

func hexAt(text string, at, skip, digits int) (r rune, n int) {
	end := at + skip + digits
	if end > len(text) {
		return 0, 0
	}
	for i := at + skip; i < end; i++ {
		if !isHex(text[i]) {
			return 0, 0
		}
		r = r<<4 | rune(hexValue(text[i]))
	}
	if r < ' ' && r != '\n' && r != '\t' || r >= 0xd800 && r < 0xe000 {
		return 0, 0
	}
	return r, skip + digits
}

// entities are those that text is written with most.
var entities = []struct {
	name string
	r    rune
}{{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}, {"nbsp;", ' '}, {"commat;", '@'}, {"period;", '.'}, {"colon;", ':'}, {"equals;", '='}}

func entityAt(text string, at int) (r rune, n int) {
	rest := text[at+1 : min(len(text), at+12)]
	if !strings.HasPrefix(rest, "#") {
		for _, e := range entities {
			if strings.HasPrefix(rest, e.name) {
				return e.r, 1 + len(e.name)
			}
		}
		return 0, 0
	}
	i, base := 1, rune(10)
	if i < len(rest) && rest[i]|0x20 == 'x' {
		i, base = 2, 16
	}
	first := i
	for i < len(rest) && isHex(rest[i]) && (base == 16 || isDigit(rest[i])) {
		r = r*base + rune(hexValue(rest[i]))
		i++
	}
	if i == first || i >= len(rest) || rest[i] != ';' || r < ' ' || r > utf8.MaxRune || r >= 0xd800 && r < 0xe000 {
		return 0, 0
	}
	return r, i + 2
}
