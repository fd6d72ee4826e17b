package template

import (
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fromTemplate marks bytes that the template itself wrote.
const fromTemplate = -1

// An origin says that the bytes [start, end) of a text were taken from message msg.
type origin struct{ start, end, msg int }

// A text is a string and where its bytes come from. The origins are sorted and disjoint, and never changed once the
// text exists. Bytes without an origin belong to the template.
type text struct {
	s    string
	from []origin
}

func (text) isValue() {}

// message returns the one message that all bytes in [start, end) come from, or fromTemplate.
func (t text) message(start, end int) int {
	if i := t.originAt(start); i < len(t.from) && start < end {
		if o := t.from[i]; o.start <= start && end <= o.end {
			return o.msg
		}
	}
	return fromTemplate
}

// originAt is the index of the first origin that ends after byte at.
func (t text) originAt(at int) int {
	return sort.Search(len(t.from), func(i int) bool { return t.from[i].end > at })
}

// slice returns the bytes [start, end).
func (t text) slice(start, end int) text {
	out := text{s: t.s[start:end]}
	for i := t.originAt(start); i < len(t.from) && t.from[i].start < end; i++ {
		o := t.from[i]
		out.from = append(out.from, origin{max(o.start, start) - start, min(o.end, end) - start, o.msg})
	}
	return out
}

// runs calls f for each maximal piece of one origin, in order.
func (t text) runs(f func(s string, msg int)) {
	at := 0
	for _, o := range t.from {
		if at < o.start {
			f(t.s[at:o.start], fromTemplate)
		}
		f(t.s[o.start:o.end], o.msg)
		at = o.end
	}
	if at < len(t.s) {
		f(t.s[at:], fromTemplate)
	}
}

// mapRuns applies f to each piece of one origin and keeps its origin.
func (t text) mapRuns(f func(string) string) text {
	var b textBuilder
	t.runs(func(s string, msg int) { b.addString(f(s), msg) })
	return b.text()
}

// trim drops the characters of cutset from both ends, white space if it is empty.
func (t text) trim(cutset string) text { return t.trimLeft(cutset).trimRight(cutset) }

func (t text) trimLeft(cutset string) text {
	return t.slice(len(t.s)-len(strings.TrimLeftFunc(t.s, inCutset(cutset))), len(t.s))
}

func (t text) trimRight(cutset string) text {
	return t.slice(0, len(strings.TrimRightFunc(t.s, inCutset(cutset))))
}

// isSpace is Python's str.isspace of one character: the four separators of ASCII are white space there.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func inCutset(cutset string) func(rune) bool {
	if cutset == "" {
		return isSpace
	}
	return func(r rune) bool { return strings.ContainsRune(cutset, r) }
}

// replace puts b in the place of the first n occurrences of a (all if n < 0). What replaces the text of one message
// still counts as that message: it is its content in another spelling.
func (t text) replace(a, b text, n int) text {
	var out textBuilder
	put := func(msg int) {
		if msg == fromTemplate || len(b.from) > 0 {
			out.add(b)
		} else {
			out.addString(b.s, msg)
		}
	}
	rest := 0
	for at := 0; n != 0; n-- {
		if a.s == "" {
			if at > len(t.s) {
				break
			}
			put(fromTemplate)
			_, size := utf8.DecodeRuneInString(t.s[at:])
			out.add(t.slice(at, at+size))
			rest = at + size
			at += max(size, 1)
			continue
		}
		i := strings.Index(t.s[rest:], a.s)
		if i < 0 {
			break
		}
		start, end := rest+i, rest+i+len(a.s)
		out.add(t.slice(rest, start))
		put(t.message(start, end))
		rest = end
	}
	if rest < len(t.s) {
		out.add(t.slice(rest, len(t.s)))
	}
	return out.text()
}

// split cuts t at sep, at most n times (n < 0: no limit). An empty sep cuts at runs of white space and drops empty
// pieces at the ends, as in Python.
func (t text) split(sep string, n int) []text {
	if sep == "" {
		return t.fields(n)
	}
	var out []text
	at := 0
	for ; n != 0; n-- {
		i := strings.Index(t.s[at:], sep)
		if i < 0 {
			break
		}
		out = append(out, t.slice(at, at+i))
		at += i + len(sep)
	}
	return append(out, t.slice(at, len(t.s)))
}

func (t text) fields(n int) []text {
	var out []text
	for at := 0; ; n-- {
		at += len(t.s[at:]) - len(strings.TrimLeftFunc(t.s[at:], isSpace))
		size := strings.IndexFunc(t.s[at:], isSpace)
		switch {
		case at == len(t.s):
			return out
		case size < 0 || n == 0:
			return append(out, t.slice(at, len(t.s)))
		}
		out = append(out, t.slice(at, at+size))
		at += size
	}
}

// lastFields is fields with at most n cuts, counted from the end.
func (t text) lastFields(n int) []text {
	var out []text
	for ; ; n-- {
		t = t.trimRight("")
		cut := strings.LastIndexFunc(t.s, isSpace)
		if n == 0 || cut < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(t.s[cut:])
		out = append(out, t.slice(cut+size, len(t.s)))
		t = t.slice(0, cut)
	}
	if t.s != "" {
		out = append(out, t)
	}
	slices.Reverse(out)
	return out
}

// A textBuilder joins texts. The zero value is empty.
type textBuilder struct {
	b    strings.Builder
	from []origin
}

func (b *textBuilder) len() int { return b.b.Len() }

func (b *textBuilder) text() text { return text{s: b.b.String(), from: b.from} }

func (b *textBuilder) add(t text) {
	base := b.b.Len()
	b.b.WriteString(t.s)
	for _, o := range t.from {
		b.mark(base+o.start, base+o.end, o.msg)
	}
}

// addString appends s, taken from message msg.
func (b *textBuilder) addString(s string, msg int) {
	base := b.b.Len()
	b.b.WriteString(s)
	if msg != fromTemplate && s != "" {
		b.mark(base, base+len(s), msg)
	}
}

func (b *textBuilder) mark(start, end, msg int) {
	if n := len(b.from); n > 0 && b.from[n-1].end == start && b.from[n-1].msg == msg {
		b.from[n-1].end = end
		return
	}
	b.from = append(b.from, origin{start, end, msg})
}
