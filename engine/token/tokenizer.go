package token

import (
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// maxFragment is the longest text without special tokens that is encoded as one. Longer ones are cut there.
const maxFragment = 64 << 20

// A Tokenizer converts between text and the tokens of one vocabulary. It may be used by several goroutines at once.
type Tokenizer struct {
	v      *vocab
	model  model
	pieces []string // the bytes of each token

	always *specials // found in any text
	parsed *specials // found with ParseSpecial
	strips []bool    // by id: white space after the token belongs to it; nil for none
}

// A model cuts text without special tokens into tokens.
type model interface {
	// encode appends the tokens of f to out.
	encode(out []Token, f fragment) []Token
	// piece returns the bytes that a normal token stands for.
	piece(text string) string
	// spaces says that the first token after a special one has a space in front that is not part of the text.
	spaces() bool
}

// A fragment is a piece of a text without special tokens.
type fragment struct {
	text  string
	base  int  // offset in the whole text
	first bool // nothing or a special token stands before it
}

// A Token is an id and the bytes [Start, End) of the text that it covers. A token for a part of a character covers the
// bytes of that part. Tokens that stand for no text, such as the one that opens a text, cover nothing.
type Token struct {
	ID         int32
	Start, End int
}

// EncodeOptions say how text is read.
type EncodeOptions struct {
	AddSpecial   bool // put the tokens around the text that the vocabulary asks for
	ParseSpecial bool // read the spellings of control tokens as these tokens
	// Literal are the parts of the text that somebody else wrote: no control token is read that touches one of them,
	// ParseSpecial or not. All else is as without: words and merges reach over their borders. Sorted and disjoint.
	Literal []Range
}

// A Range is the bytes [Start, End) of a text.
type Range struct{ Start, End int }

// New reads the vocabulary of a model file. Errors are of type *[VocabError].
func New(f *gguf.File) (*Tokenizer, error) {
	name, ok := f.String(keyModel)
	if !ok {
		return nil, invalid(keyModel, "the file has no tokenizer")
	}
	v, err := readVocab(f)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{v: v}
	if err := t.open(name, f); err != nil {
		return nil, err
	}
	t.strips = v.stripsAfter(f)
	t.index()
	return t, nil
}

// open reads the part of the vocabulary that its kind has.
func (t *Tokenizer) open(name string, f *gguf.File) (err error) {
	switch name {
	case "gpt2":
		t.model, err = newBPE(f, t.v)
	case "llama":
		t.model, err = newSPM(f, t.v)
	case "gemma4":
		t.model, err = newRawBPE(f, t.v)
	case "bert":
		t.model, err = newWordPiece(f, t.v)
	default:
		err = &VocabError{keyModel, fmt.Sprintf("%.40q, known are gpt2, llama, gemma4 and bert", name), ErrUnsupported}
	}
	return err
}

// index sorts the special tokens and spells all tokens out.
func (t *Tokenizer) index() {
	var always, parsed []int32
	t.pieces = make([]string, len(t.v.texts))
	for i, text := range t.v.texts {
		t.pieces[i] = text
		if text == "" {
			continue
		}
		switch t.v.kinds[i] {
		case kindControl, kindUnknown:
			parsed = append(parsed, int32(i))
		case kindUser:
			parsed = append(parsed, int32(i))
			always = append(always, int32(i))
		case kindByte:
			if b, ok := byteValue(text); ok {
				t.pieces[i] = string([]byte{b})
			}
		default:
			t.pieces[i] = t.model.piece(text)
		}
	}
	spelling := func(id int32) string { return t.v.texts[id] }
	t.always, t.parsed = newSpecials(spelling, always), newSpecials(spelling, parsed)
}

// byteValue reads the spelling of a byte token, "<0x0A>".
func byteValue(text string) (byte, bool) {
	var b byte
	if len(text) != 6 || !strings.HasPrefix(text, "<0x") || text[5] != '>' {
		return 0, false
	}
	for _, c := range []byte(text[3:5]) {
		switch {
		case c >= '0' && c <= '9':
			b = b<<4 | (c - '0')
		case c >= 'A' && c <= 'F':
			b = b<<4 | (c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return b, true
}

// Encode returns the tokens of text: at most four for each byte, and two around it.
//
// The offsets of the tokens follow one another without gaps and cover all of text, unless no token stands for a byte
// (some vocabularies lack those that UTF-8 never uses): it then counts to the token before.
func (t *Tokenizer) Encode(text string, opt EncodeOptions) []Token {
	out := make([]Token, 0, len(text)/3+4)
	if opt.AddSpecial && t.v.addBOS {
		out = append(out, Token{ID: t.v.bos})
	}
	find := finder{text: text, always: t.always, literal: opt.Literal}
	if opt.ParseSpecial {
		find.open = t.parsed
	}
	first := true
	for at := 0; at < len(text); {
		id, start, end := find.next(at)
		for at < start {
			stop := min(start, at+maxFragment)
			out = t.model.encode(out, fragment{text[at:stop], at, first})
			first, at = false, stop
		}
		if id == none {
			break
		}
		if t.strips != nil && t.strips[id] {
			end = len(text) - len(strings.TrimLeft(text[end:], " \t\n\v\f\r"))
		}
		if len(out) == 0 { // no token stood for what is in front of it
			start = 0
		}
		out = append(out, Token{id, start, end})
		first, at = true, end
	}
	if opt.AddSpecial && t.v.addEOS {
		out = append(out, Token{t.v.eos, len(text), len(text)})
	}
	return out
}

// Decode returns the text of ids. Control tokens are spelled out; ids that are not in the vocabulary give nothing. What
// Encode made of a text is that text again, byte for byte, but for the tokens that AddSpecial put around it; a vocabulary
// without tokens for all bytes gives what its normalization left. A generated
// continuation of a text is not a text of its own: join the pieces instead.
func (t *Tokenizer) Decode(ids []int32) string {
	var b strings.Builder
	first := t.model.spaces()
	for _, id := range ids {
		if id < 0 || int(id) >= len(t.pieces) {
			continue
		}
		piece := t.pieces[id]
		if first {
			piece = strings.TrimPrefix(piece, " ")
		}
		b.WriteString(piece)
		first = t.model.spaces() && t.isSpecial(id)
	}
	return b.String()
}

func (t *Tokenizer) isSpecial(id int32) bool {
	k := t.v.kinds[id]
	return k == kindControl || k == kindUnknown || k == kindUser
}

// Piece returns the bytes that a token stands for, which may be part of a character; nil for an id that is not in the
// vocabulary. A control token's are its spelling.
func (t *Tokenizer) Piece(id int32) []byte {
	if id < 0 || int(id) >= len(t.pieces) {
		return nil
	}
	return []byte(t.pieces[id])
}

// IsControl reports whether id is a control token, which text alone never gives.
func (t *Tokenizer) IsControl(id int32) bool {
	return id >= 0 && int(id) < len(t.v.kinds) && t.v.kinds[id] == kindControl
}

// EndOfGeneration reports whether a model that writes id has finished its answer.
func (t *Tokenizer) EndOfGeneration(id int32) bool { return t.v.ends[id] }

// BOS returns the token that opens a text, if the vocabulary names one.
func (t *Tokenizer) BOS() (int32, bool) { return t.v.bos, t.v.bos != none }

// EOS returns the token that ends a text, if the vocabulary names one.
func (t *Tokenizer) EOS() (int32, bool) { return t.v.eos, t.v.eos != none }

// Size returns the number of tokens; ids are 0 to Size-1.
func (t *Tokenizer) Size() int { return len(t.v.texts) }
