package token

import (
	"strings"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// spaceMark stands for a space in the tokens of SentencePiece.
const spaceMark = "\u2581"

// An spm is the BPE of SentencePiece: neighbours are merged when together they are a token, the one with the highest
// score first. A character without a token becomes its bytes.
type spm struct {
	ids     map[string]int32 // tokens that may come out of text
	ranks   []uint32         // by id; smaller for a higher score
	bytes   [256]int32
	longest int
	unk     int32
	prefix  bool
}

func newSPM(f *gguf.File, v *vocab) (*spm, error) {
	ranks, err := v.readScores(f)
	if err != nil {
		return nil, err
	}
	v.findEnds()
	s := &spm{ids: make(map[string]int32, len(v.texts)), ranks: ranks, unk: v.unk}
	for i := range s.bytes {
		s.bytes[i] = none
	}
	for i, text := range v.texts {
		id := int32(i)
		if text != "" && v.mergeable(id) {
			s.ids[text] = id
			s.longest = max(s.longest, len(text))
		}
		if c, ok := byteValue(text); ok && v.kinds[i] == kindByte {
			s.bytes[c] = id
		}
	}
	for c, id := range s.bytes {
		if id == none && s.unk == none {
			return nil, invalid(keyList, "no token for the byte %#02x and none for what is unknown", c)
		}
	}
	if s.prefix, err = readFlag(f, keyPrefix, true); err != nil {
		return nil, err
	}
	return s, v.readAdds(f, true)
}

func (*spm) piece(text string) string { return strings.ReplaceAll(text, spaceMark, " ") }

func (s *spm) spaces() bool { return s.prefix }

func (s *spm) encode(out []Token, f fragment) []Token {
	marked := strings.ReplaceAll(f.text, " ", spaceMark)
	at := cursor{text: f.text, base: f.base}
	if s.prefix && f.first {
		marked = spaceMark + marked
		at.extra = len(spaceMark)
	}
	m := merger{pair: func(l, r symbol) (uint32, int32, bool) {
		if int(r.end-l.start) > s.longest {
			return 0, none, false
		}
		id, ok := s.ids[marked[l.start:r.end]]
		if !ok {
			return 0, none, false
		}
		return s.ranks[id], id, true
	}}
	for i := 0; i < len(marked); {
		_, size := utf8.DecodeRuneInString(marked[i:])
		id, ok := s.ids[marked[i:i+size]]
		if !ok {
			id = none
		}
		m.add(i, i+size, id)
		i += size
	}
	m.run()
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		sym := m.symbols[i]
		out = s.emit(out, sym.id, marked[sym.start:sym.end], &at)
	}
	return out
}

// emit appends a token, or for a character without one those of its bytes.
func (s *spm) emit(out []Token, id int32, marked string, at *cursor) []Token {
	if id != none {
		return append(out, at.token(id, len(marked)))
	}
	for i := range len(marked) {
		if s.bytes[marked[i]] == none {
			return append(out, at.token(s.unk, len(marked)))
		}
	}
	for i := range len(marked) {
		out = append(out, at.token(s.bytes[marked[i]], 1))
	}
	return out
}

// A cursor follows the bytes of a text while the bytes of its marked form are used up. A space is one byte there and
// three here; the space in front is none.
type cursor struct {
	text  string
	base  int
	at    int // in text
	extra int // marked bytes that are still to come for what was counted already
}

// token returns a token over the next size marked bytes.
func (c *cursor) token(id int32, size int) Token {
	start := c.at
	for size > 0 {
		if c.extra > 0 {
			n := min(size, c.extra)
			c.extra -= n
			size -= n
			continue
		}
		if c.text[c.at] == ' ' {
			c.extra = len(spaceMark)
		} else {
			size--
		}
		c.at++
	}
	return Token{id, c.base + start, c.base + c.at}
}
