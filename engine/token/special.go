package token

import (
	"cmp"
	"slices"
	"strings"
)

// A specials finds the spellings of tokens in a text: the leftmost, and of those that start there the longest.
type specials struct {
	texts []string // sorted
	ids   []int32
	first [256][2]int // the texts that start with a byte: [from, to)
}

func newSpecials(v *vocab, ids []int32) *specials {
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Compare(v.texts[a], v.texts[b]) })
	s := &specials{ids: ids}
	for i, id := range ids {
		text := v.texts[id]
		s.texts = append(s.texts, text)
		if r := &s.first[text[0]]; r[1] == 0 {
			*r = [2]int{i, i + 1}
		} else {
			r[1] = i + 1
		}
	}
	return s
}

// next returns the next token in text at or after byte from.
func (s *specials) next(text string, from int) (id int32, start, end int) {
	for i := from; i < len(text); i++ {
		if r := s.first[text[i]]; r[1] > 0 {
			if k, ok := s.longest(text[i:], r[0], r[1]); ok {
				return s.ids[k], i, i + len(s.texts[k])
			}
		}
	}
	return none, len(text), len(text)
}

// longest returns which of texts[from:to] is the longest that text starts with. One more byte of text narrows the
// range of candidates each time, so it takes at most maxTokenBytes searches.
func (s *specials) longest(text string, from, to int) (int, bool) {
	best, found := 0, false
	for n := 1; n <= len(text); n++ {
		prefix := text[:n]
		c := text[n-1]
		low := from + index(s.texts[from:to], func(t string) bool { return len(t) >= n && t[n-1] >= c })
		high := from + index(s.texts[from:to], func(t string) bool { return len(t) >= n && t[n-1] > c })
		if from, to = low, high; from == to {
			break
		}
		if len(s.texts[from]) == n && strings.HasPrefix(s.texts[from], prefix) {
			best, found = from, true
		}
	}
	return best, found
}

// index is the index of the first of texts that is in; those that are in stand at the end.
func index(texts []string, in func(string) bool) int {
	i, _ := slices.BinarySearchFunc(texts, true, func(t string, _ bool) int {
		if in(t) {
			return 1
		}
		return -1
	})
	return i
}
