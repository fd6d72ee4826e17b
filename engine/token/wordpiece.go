package token

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// A wordPiece is BERT's tokenizer: a text is cut at white space and around punctuation, and of each word the longest
// beginning that is a token is taken until nothing is left. A word that cannot be spelled so is unknown as a whole.
//
// In the file a token that starts a word has a mark in front of it.
type wordPiece struct {
	starts, parts  *specials // tokens that start a word, without the mark, and others
	mark           int32     // the token of the mark alone, or none
	unk            int32
	lower, accents bool // make letters small, drop their accents
}

func newWordPiece(f *gguf.File, v *vocab) (*wordPiece, error) {
	w := &wordPiece{mark: none, unk: v.unk}
	if v.bos == none {
		v.bos = v.cls
	}
	if v.eos == none {
		v.eos = v.sep
	}
	if w.unk == none {
		w.unk = v.id("[UNK]")
	}
	if w.unk == none {
		return nil, invalid(keyUNK, "a vocabulary of this kind needs a token for what is unknown")
	}
	v.kinds[w.unk] = kindUnknown // whatever the file says: it comes out of text
	var err error
	if w.lower, err = readFlag(f, keyLower, true); err != nil {
		return nil, err
	}
	if w.accents, err = readFlag(f, keyAccent, w.lower); err != nil {
		return nil, err
	}
	v.findEnds()
	w.index(v)
	v.addBOS, v.addEOS = v.bos != none, v.eos != none
	return w, nil
}

func (w *wordPiece) index(v *vocab) {
	var starts, parts []int32
	for i, text := range v.texts {
		id := int32(i)
		if text == "" || !v.mergeable(id) {
			continue
		}
		switch word, ok := strings.CutPrefix(text, spaceMark); {
		case !ok:
			parts = append(parts, id)
		case word == "":
			w.mark = id
		default:
			starts = append(starts, id)
		}
	}
	w.parts = newSpecials(func(id int32) string { return v.texts[id] }, parts)
	w.starts = newSpecials(func(id int32) string { return strings.TrimPrefix(v.texts[id], spaceMark) }, starts)
}

func (*wordPiece) piece(text string) string {
	if word, ok := strings.CutPrefix(text, spaceMark); ok {
		return " " + word
	}
	return text
}

func (*wordPiece) spaces() bool { return true }

// A word is what is left of a word of the text when it is spelled as the vocabulary has it.
type word struct {
	text []byte
	ends []int // for each byte of text, the end of the character that it comes from in the whole text
}

func (w *word) add(r rune, end int) {
	n := len(w.text)
	w.text = utf8.AppendRune(w.text, r)
	for range len(w.text) - n {
		w.ends = append(w.ends, end)
	}
}

func (w *wordPiece) encode(out []Token, f fragment) []Token {
	var now word
	flush := func() {
		out = w.spell(out, now)
		now.text, now.ends = now.text[:0], now.ends[:0]
	}
	for i := 0; i < len(f.text); {
		r, size := utf8.DecodeRuneInString(f.text[i:])
		i += size
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			flush()
			continue
		case r == 0 || r == utf8.RuneError || unicode.Is(unicode.C, r):
			continue
		case unicode.IsSpace(r):
			flush()
			continue
		}
		ideograph := unicode.Is(ideographs, r)
		w.normalize(r, func(r rune) { // what is left of ≠ without its accent is punctuation
			alone := ideograph || standsAlone(r)
			if alone {
				flush()
			}
			now.add(r, f.base+i)
			if alone {
				flush()
			}
		})
	}
	flush()
	if n := len(out); n > 0 { // what stands for nothing counts to the token before
		out[n-1].End = f.base + len(f.text)
	}
	return out
}

// normalize calls emit for what is left of a character.
func (w *wordPiece) normalize(r rune, emit func(rune)) {
	small := func(r rune) {
		if w.lower {
			r = unicode.ToLower(r)
		}
		emit(r)
	}
	if !w.accents {
		small(r)
		return
	}
	withoutAccents(r, small)
}

// spell appends the tokens of a word.
func (w *wordPiece) spell(out []Token, now word) []Token {
	if len(now.text) == 0 {
		return out
	}
	at := 0
	if len(out) > 0 {
		at = out[len(out)-1].End
	}
	n, unknown := len(out), Token{w.unk, at, now.ends[len(now.ends)-1]}
	text := string(now.text)
	id, size := w.starts.at(text)
	if size == 0 && w.mark != none {
		out = append(out, Token{w.mark, at, at})
		id, size = w.parts.at(text)
	}
	for i := 0; ; {
		if size == 0 {
			return append(out[:n], unknown)
		}
		i += size
		out = append(out, Token{id, at, now.ends[i-1]})
		if at = now.ends[i-1]; i == len(text) {
			return out
		}
		id, size = w.parts.at(text[i:])
	}
}

// standsAlone reports whether a character is a word of its own, though no ideograph.
func standsAlone(r rune) bool {
	return unicode.IsPunct(r) || r < 0x7f && unicode.IsSymbol(r)
}

// ideographs are the characters that BERT's tokenizer calls Chinese.
var ideographs = &unicode.RangeTable{
	R16: []unicode.Range16{{0x3400, 0x4dbf, 1}, {0x4e00, 0x9fff, 1}, {0xf900, 0xfaff, 1}},
	R32: []unicode.Range32{
		{0x20000, 0x2a6df, 1}, {0x2a700, 0x2b73f, 1}, {0x2b740, 0x2b81f, 1}, {0x2b920, 0x2ceaf, 1}, {0x2f800, 0x2fa1f, 1},
	},
}
