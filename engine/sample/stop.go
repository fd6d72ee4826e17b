package sample

import (
	"fmt"
	"unicode/utf8"
)

// Limits of stop texts.
const (
	maxStops    = 16
	maxStopText = 256 // bytes
)

// Stop passes generated text on and ends it before the first of a set of stop texts. What it passes on depends on the
// text only, never on how tokens cut it: a text that may become a stop text waits, and so does a part of a character.
// Of stop texts that overlap, the one that is complete first ends the text, and of several that are complete at the same
// byte the longest.
type Stop struct {
	texts   []matcher
	pending []byte // not yet passed on
	sent    int    // of pending, passed on by the last call
	stopped bool
}

// matcher finds a text in a stream of bytes. Source: Knuth, Morris and Pratt, "Fast pattern matching in strings", 1977.
type matcher struct {
	text  string
	fall  []int // by matched bytes: how many remain matched if the next byte does not fit
	found int   // bytes of text that the stream ends with
}

// NewStop returns a Stop for at most 16 texts of 1 to 256 bytes each.
func NewStop(texts []string) (*Stop, error) {
	if len(texts) > maxStops {
		return nil, fmt.Errorf("%d stop texts, at most %d", len(texts), maxStops)
	}
	s := &Stop{}
	for _, t := range texts {
		if t == "" || len(t) > maxStopText {
			return nil, fmt.Errorf("stop text of %d bytes, want 1 to %d", len(t), maxStopText)
		}
		s.texts = append(s.texts, newMatcher(t))
	}
	return s, nil
}

func newMatcher(text string) matcher {
	m := matcher{text: text, fall: make([]int, len(text)+1)}
	for i := 1; i < len(text); i++ {
		k := m.fall[i]
		for k > 0 && text[k] != text[i] {
			k = m.fall[k]
		}
		if text[k] == text[i] {
			k++
		}
		m.fall[i+1] = k
	}
	return m
}

// step takes the next byte and reports whether the text is complete.
func (m *matcher) step(b byte) bool {
	for m.found > 0 && m.text[m.found] != b {
		m.found = m.fall[m.found]
	}
	if m.text[m.found] == b {
		m.found++
	}
	return m.found == len(m.text)
}

// Add takes the bytes of the next token and returns the text that may be passed on, valid until the next call, and
// whether a stop text has ended it. After that, Add and Flush return nothing.
func (s *Stop) Add(piece []byte) (text []byte, stopped bool) {
	if s.stopped {
		return nil, true
	}
	s.pending = s.pending[:copy(s.pending, s.pending[s.sent:])]
	s.sent = 0
	for _, b := range piece {
		s.pending = append(s.pending, b)
		longest := 0
		for i := range s.texts {
			if m := &s.texts[i]; m.step(b) {
				longest = max(longest, len(m.text))
			}
		}
		if longest > 0 {
			s.stopped = true
			return s.pending[:len(s.pending)-longest], true
		}
	}
	s.sent = len(s.pending) - max(s.begun(), unfinished(s.pending))
	return s.pending[:s.sent], false
}

// Flush returns the text that waited, when there are no more tokens.
func (s *Stop) Flush() []byte {
	if s.stopped {
		return nil
	}
	s.stopped = true
	return s.pending[s.sent:]
}

// begun is how many bytes at the end begin a stop text.
func (s *Stop) begun() int {
	n := 0
	for i := range s.texts {
		n = max(n, s.texts[i].found)
	}
	return n
}

// unfinished is how many bytes at the end are the first of a character.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if end := b[len(b)-n:]; utf8.RuneStart(end[0]) {
			if utf8.FullRune(end) {
				return 0
			}
			return n
		}
	}
	return 0
}
