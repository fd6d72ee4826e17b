package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// A bpe is byte-level byte-pair encoding, as GPT-2 has it. A text is cut into words; the bytes of a word are merged in
// the order in which the merges stand in the file.
type bpe struct {
	pre   preTokenizer
	bytes [256]int32          // tokens of single bytes; none if there is none
	pairs map[[2]int32]merged // by the tokens on the left and right
	words map[string]int32    // tokens by the bytes they stand for, if whole words come before merges
	runes map[rune]byte       // the character that stands for a byte in the file
}

type merged struct {
	rank uint32
	id   int32
}

func newBPE(f *gguf.File, v *vocab) (*bpe, error) {
	pre, err := readPre(f)
	if err != nil {
		return nil, err
	}
	b := &bpe{pre: pre, runes: byteRunes()}
	if b.pairs, err = v.readMerges(f); err != nil {
		return nil, err
	}
	v.findEnds()
	for i := range b.bytes {
		b.bytes[i] = none
	}
	for r, c := range b.runes {
		if id, ok := v.ids[string(r)]; ok && v.mergeable(id) {
			b.bytes[c] = id
		}
	}
	if !slices.ContainsFunc(b.bytes[:], func(id int32) bool { return id != none }) {
		return nil, invalid(keyList, "no token for a single byte")
	}
	if pre.wholeWords {
		b.words = make(map[string]int32, len(v.texts))
		for i, text := range v.texts {
			if text != "" && v.mergeable(int32(i)) {
				b.words[b.piece(text)] = int32(i)
			}
		}
	}
	return b, v.readAdds(f, pre.addBOS)
}

// mergeable reports whether a token may come out of text by merging: control tokens and their like may not.
func (v *vocab) mergeable(id int32) bool {
	k := v.kinds[id]
	return k == kindNormal || k == kindUser || k == kindUnused
}

func readPre(f *gguf.File) (preTokenizer, error) {
	name := "default"
	if _, ok := f.Value(keyPre); ok {
		if name, ok = f.String(keyPre); !ok {
			return preTokenizer{}, invalid(keyPre, "not a string")
		}
	}
	pre, ok := preTokenizers(name)
	if !ok {
		return pre, &VocabError{keyPre, fmt.Sprintf("pre-tokenizer %.40q is not known", name), ErrUnsupported}
	}
	return pre, nil
}

// readMerges reads which tokens merge, and notes the tokens that come out of that.
func (v *vocab) readMerges(f *gguf.File) (map[[2]int32]merged, error) {
	lines, ok := f.Strings(keyMerges)
	if !ok {
		return nil, invalid(keyMerges, "no list of strings")
	}
	pairs := make(map[[2]int32]merged, len(lines))
	v.made = make(map[int32]bool, len(lines))
	for i, line := range lines {
		// A token of a merge may start with a space, but not contain one.
		cut := 0
		if len(line) > 1 {
			cut = strings.IndexByte(line[1:], ' ') + 1
		}
		if cut == 0 {
			return nil, invalid(keyMerges, "merge %d is not two tokens with a space between them", i)
		}
		l, okL := v.ids[line[:cut]]
		r, okR := v.ids[line[cut+1:]]
		id, okID := v.ids[line[:cut]+line[cut+1:]]
		if !okL || !okR || !okID {
			return nil, invalid(keyMerges, "merge %d is of or into a token that is not in the vocabulary", i)
		}
		if !v.mergeable(l) || !v.mergeable(r) || !v.mergeable(id) {
			return nil, invalid(keyMerges, "merge %d is of or into a control token", i)
		}
		v.made[id] = true
		if _, twice := pairs[[2]int32{l, r}]; !twice {
			pairs[[2]int32{l, r}] = merged{uint32(i), id}
		}
	}
	return pairs, nil
}

// byteRunes maps the characters that stand for bytes in a byte-level vocabulary: a printable Latin-1 character is its
// own byte, the other bytes are numbered from U+0100 on.
func byteRunes() map[rune]byte {
	out := make(map[rune]byte, 256)
	other := rune(0x100)
	for c := range rune(256) {
		if c >= '!' && c <= '~' || c >= 0xa1 && c <= 0xac || c >= 0xae {
			out[c] = byte(c)
		} else {
			out[other] = byte(c)
			other++
		}
	}
	return out
}

// piece decodes the characters of a token. One with a character that stands for no byte is taken as it is.
func (b *bpe) piece(text string) string {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		c, ok := b.runes[r]
		if !ok {
			return text
		}
		out = append(out, c)
	}
	return string(out)
}

func (*bpe) spaces() bool { return false }

func (b *bpe) encode(out []Token, f fragment) []Token {
	m := merger{pair: func(l, r symbol) (uint32, int32, bool) {
		to, ok := b.pairs[[2]int32{l.id, r.id}]
		return to.rank, to.id, ok
	}}
	b.pre.split(f.text, func(start, end int) { out = b.word(out, &m, f.text[start:end], f.base+start) })
	return out
}

func (b *bpe) word(out []Token, m *merger, word string, base int) []Token {
	if len(word) <= maxTokenBytes {
		if id, ok := b.words[word]; ok {
			return append(out, Token{id, base, base + len(word)})
		}
	}
	m.reset()
	for i := range len(word) {
		m.add(i, i+1, b.bytes[word[i]])
	}
	m.run()
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		s := m.symbols[i]
		start, end := base+int(s.start), base+int(s.end)
		switch n := len(out); {
		case s.id == none && n > 0: // no token for this byte
			out[n-1].End = end
		case s.id == none:
		case n == 0: // there was none for the bytes before, either
			out = append(out, Token{s.id, 0, end})
		default:
			out = append(out, Token{s.id, start, end})
		}
	}
	return out
}
