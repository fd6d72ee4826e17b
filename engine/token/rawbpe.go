package token

import (
	"strings"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// A rawBPE is Gemma 4's: byte-pair encoding over characters instead of bytes, with marks for spaces. Words are the lines
// of a text and the runs of new lines between them.
type rawBPE struct {
	marked
	ids   map[string]int32 // tokens that may come out of text
	pairs map[[2]int32]merged
}

func newRawBPE(f *gguf.File, v *vocab) (*rawBPE, error) {
	pairs, err := v.readMerges(f)
	if err != nil {
		return nil, err
	}
	v.findEnds()
	b := &rawBPE{ids: make(map[string]int32, len(v.texts)), pairs: pairs}
	for i, text := range v.texts {
		if id := int32(i); text != "" && v.mergeable(id) {
			b.ids[text] = id
		}
	}
	if b.marked, err = newMarked(v); err != nil {
		return nil, err
	}
	if err = v.readAdds(f, true); err != nil {
		return nil, err
	}
	v.addBOS = v.bos != none // files that say otherwise are known to be wrong
	return b, nil
}

func (*rawBPE) spaces() bool { return false }

func (b *rawBPE) encode(out []Token, f fragment) []Token {
	text := strings.ReplaceAll(f.text, " ", spaceMark)
	at := cursor{text: f.text, base: f.base}
	m := merger{pair: func(l, r symbol) (uint32, int32, bool) {
		to, ok := b.pairs[[2]int32{l.id, r.id}]
		return to.rank, to.id, ok
	}}
	for len(text) > 0 {
		size := run(text, -1, isNewLine)
		if id, ok := b.newLines(text[:size]); ok {
			out = append(out, at.token(id, size))
		} else {
			if size == 0 {
				size = run(text, -1, func(r rune) bool { return !isNewLine(r) })
			}
			out = b.word(out, &m, text[:size], &at)
		}
		text = text[size:]
	}
	return out
}

func isNewLine(r rune) bool { return r == '\n' }

// newLines returns the token for a run of new lines. If there is one it is taken, whatever the merges say.
func (b *rawBPE) newLines(text string) (id int32, ok bool) {
	if text == "" || len(text) > maxTokenBytes {
		return none, false
	}
	id, ok = b.ids[text]
	return id, ok
}

func (b *rawBPE) word(out []Token, m *merger, text string, at *cursor) []Token {
	m.reset()
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRuneInString(text[i:])
		id, ok := b.ids[text[i:i+size]]
		if !ok {
			id = none
		}
		m.add(i, i+size, id)
		i += size
	}
	m.run()
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		sym := m.symbols[i]
		out = b.emit(out, sym.id, text[sym.start:sym.end], at)
	}
	return out
}
