package token

import (
	"cmp"
	"slices"
	"strings"
)

// A specials finds the spellings of tokens in a text: of those that start at a place the longest.
type specials struct {
	texts   []string // sorted
	ids     []int32
	shorter []int32     // the index of the longest other text that a text starts with, or -1
	first   [256][2]int // the texts that start with a byte: [from, to)
}

func newSpecials(textOf func(id int32) string, ids []int32) *specials {
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Compare(textOf(a), textOf(b)) })
	s := &specials{ids: ids, shorter: make([]int32, len(ids))}
	for i, id := range ids {
		text := textOf(id)
		s.shorter[i] = int32(i) - 1
		for s.shorter[i] >= 0 && !strings.HasPrefix(text, s.texts[s.shorter[i]]) {
			s.shorter[i] = s.shorter[s.shorter[i]]
		}
		s.texts = append(s.texts, text)
		if r := &s.first[text[0]]; r[1] == 0 {
			*r = [2]int{i, i + 1}
		} else {
			r[1] = i + 1
		}
	}
	return s
}

// at returns the longest token that text starts with, and its size; none if there is none.
//
// All tokens that text starts with are beginnings of the last token that is not after text in the order: what stands
// between one of them and text in the order starts with it, too.
func (s *specials) at(text string) (id int32, size int) {
	if text == "" {
		return none, 0
	}
	r := s.first[text[0]]
	n, found := slices.BinarySearch(s.texts[r[0]:r[1]], text)
	if found {
		return s.ids[r[0]+n], len(text)
	}
	if n == 0 {
		return none, 0
	}
	last := r[0] + n - 1
	same := common(text, s.texts[last])
	for k := int32(last); k >= 0; k = s.shorter[k] {
		if n := len(s.texts[k]); n <= same {
			return s.ids[k], n
		}
	}
	return none, 0
}

// common is the length of the longest beginning that a and b share.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// A finder finds the special tokens of one text, from its start to its end.
type finder struct {
	text    string
	always  *specials // found everywhere
	open    *specials // found outside of the literal ranges; nil if nowhere
	literal []Range   // those that are not passed yet
}

// next returns the next token at or after byte from.
func (f *finder) next(from int) (id int32, start, end int) {
	for i := from; i < len(f.text); i++ {
		for len(f.literal) > 0 && (f.literal[0].End <= i || f.literal[0].End <= f.literal[0].Start) {
			f.literal = f.literal[1:]
		}
		id, size := f.always.at(f.text[i:])
		if f.open != nil {
			limit := len(f.text)
			if len(f.literal) > 0 {
				limit = min(limit, max(f.literal[0].Start, i))
			}
			if k, n := f.open.at(f.text[i:limit]); n > size {
				id, size = k, n
			}
		}
		if size > 0 {
			return id, i, i + size
		}
	}
	return none, len(f.text), len(f.text)
}
