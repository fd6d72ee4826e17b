package token

import (
	"strings"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// An spm is the BPE of SentencePiece: neighbours are merged when together they are a token, the one with the highest
// score first. A character without a token becomes its bytes.
type spm struct {
	marked
	ids     map[string]int32 // tokens that may come out of text
	ranks   []uint32         // by id; smaller for a higher score
	longest int
	prefix  bool
}

func newSPM(f *gguf.File, v *vocab) (*spm, error) {
	ranks, err := v.readScores(f)
	if err != nil {
		return nil, err
	}
	v.findEnds()
	s := &spm{ids: make(map[string]int32, len(v.texts)), ranks: ranks}
	for i, text := range v.texts {
		if id := int32(i); text != "" && v.mergeable(id) {
			s.ids[text] = id
			s.longest = max(s.longest, len(text))
		}
	}
	if s.marked, err = newMarked(v); err != nil {
		return nil, err
	}
	if s.prefix, err = readFlag(f, keyPrefix, true); err != nil {
		return nil, err
	}
	return s, v.readAdds(f, true)
}

func (s *spm) spaces() bool { return s.prefix }

func (s *spm) encode(out []Token, f fragment) []Token {
	text := strings.ReplaceAll(f.text, " ", spaceMark)
	at := cursor{text: f.text, base: f.base}
	if s.prefix && f.first {
		text = spaceMark + text
		at.extra = len(spaceMark)
	}
	m := merger{pair: func(l, r symbol) (uint32, int32, bool) {
		if int(r.end-l.start) > s.longest {
			return 0, none, false
		}
		id, ok := s.ids[text[l.start:r.end]]
		if !ok {
			return 0, none, false
		}
		return s.ranks[id], id, true
	}}
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRuneInString(text[i:])
		id, ok := s.ids[text[i:i+size]]
		if !ok {
			id = none
		}
		m.add(i, i+size, id)
		i += size
	}
	m.run()
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		sym := m.symbols[i]
		out = s.emit(out, sym.id, text[sym.start:sym.end], &at)
	}
	return out
}
