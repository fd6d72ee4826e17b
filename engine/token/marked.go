package token

import "strings"

// spaceMark stands for a space in the tokens of SentencePiece.
const spaceMark = "\u2581"

// A marked is what the vocabularies have in common in which a token is text with a mark for each space, and a character
// without a token becomes its bytes.
type marked struct {
	bytes [256]int32 // tokens of single bytes; none if there is none
	unk   int32
}

func newMarked(v *vocab) (marked, error) {
	m := marked{unk: v.unk}
	for i := range m.bytes {
		m.bytes[i] = none
	}
	for i, text := range v.texts {
		if c, ok := byteValue(text); ok && v.kinds[i] == kindByte {
			m.bytes[c] = int32(i)
		}
	}
	for c, id := range m.bytes {
		if id == none && m.unk == none {
			return m, invalid(keyList, "no token for the byte %#02x and none for what is unknown", c)
		}
	}
	return m, nil
}

func (*marked) piece(text string) string { return strings.ReplaceAll(text, spaceMark, " ") }

// emit appends a token, or for a character without one those of its bytes.
func (m *marked) emit(out []Token, id int32, text string, at *cursor) []Token {
	if id != none {
		return append(out, at.token(id, len(text)))
	}
	for i := range len(text) {
		if m.bytes[text[i]] == none {
			return append(out, at.token(m.unk, len(text)))
		}
	}
	for i := range len(text) {
		out = append(out, at.token(m.bytes[text[i]], 1))
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
