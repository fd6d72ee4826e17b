package pii

import (
	"strings"
	"sync"
)

// A mask is a set of recognizers.
type mask [2]uint64

func (m *mask) set(id recID)      { m[id/64] |= 1 << (id % 64) }
func (m *mask) has(id recID) bool { return m[id/64]>>(id%64)&1 == 1 }
func (m *mask) join(o mask)       { m[0], m[1] = m[0]|o[0], m[1]|o[1] }

// contextBytes is how far before a value its context is looked for.
const contextBytes = 56

// wordTable maps hashes of words to the recognizers whose context they are. Two words with one hash are one word.
type wordTable [4096]struct {
	hash uint32
	mask mask
}

func (t *wordTable) slot(hash uint32) int {
	i := int(hash) % len(t)
	for t[i].hash != 0 && t[i].hash != hash {
		i = (i + 1) % len(t)
	}
	return i
}

var contextWords = sync.OnceValue(func() *wordTable {
	t := &wordTable{}
	add := func(id recID, words string) {
		for w := range strings.FieldsSeq(words) {
			h := hashSeed
			for i := range len(w) {
				h = hashStep(h, w[i])
			}
			at := t.slot(h)
			t[at].hash = h
			t[at].mask.set(id)
		}
	}
	for id, r := range recognizers {
		add(recID(id), r.context)
	}
	for _, w := range versionWords {
		add(versionID, w)
	}
	return t
})

// versionWords make four numbers with dots the version of something.
var versionWords = []string{"version", "release", "v", "ver", "build"}

// versionID stands for these words in a mask, behind all recognizers.
const versionID recID = 127

const hashSeed uint32 = 2166136261

// hashStep is FNV-1a over bytes in small letters.
func hashStep(h uint32, c byte) uint32 {
	if isUpper(c) {
		c |= 0x20
	}
	return (h ^ uint32(c)) * 16777619
}

// contextByte reports whether c is part of a word of a language. A byte above ASCII is.
func contextByte(c byte) bool { return isAlpha(c) || c >= 0x80 || isDigit(c) }

// hasContext reports whether a word before at, or the name of the field around it, is a context of the recognizer.
func (s *Scanner) hasContext(id recID, at int) bool {
	if s.contextAt != at {
		s.contextAt = at
		s.context = mask{}
		from := max(0, at-contextBytes)
		if from > 0 {
			for from < at && contextByte(s.text[from-1]) && contextByte(s.text[from]) {
				from++ // a word that the window cuts
			}
		}
		s.context.words(s.text[from:at])
		if name := s.fieldName(at); name != "" {
			s.context.words(name)
		}
	}
	return s.context.has(id)
}

// words adds the recognizers that the words of text stand for. Words also end where capitals begin: cardNumber is two.
func (m *mask) words(text string) {
	table := contextWords()
	h, n := hashSeed, 0
	flush := func() {
		if n > 0 {
			if at := table.slot(h); table[at].hash == h {
				m.join(table[at].mask)
			}
		}
		h, n = hashSeed, 0
	}
	for i := range len(text) {
		c := text[i]
		if !contextByte(c) {
			flush()
			continue
		}
		if n > 0 && isUpper(c) && classOf[text[i-1]]&lower != 0 {
			flush()
		}
		h = hashStep(h, c)
		n++
	}
	flush()
}

// fieldName returns the name of the field that at is in. Places are asked for roughly in order.
func (s *Scanner) fieldName(at int) string {
	for s.field > 0 && s.fields[s.field-1].End > at {
		s.field--
	}
	for s.field < len(s.fields) && s.fields[s.field].End <= at {
		s.field++
	}
	if s.field < len(s.fields) && s.fields[s.field].Start <= at {
		return s.fields[s.field].Name
	}
	return ""
}
