package grammar

import (
	"cmp"
	"slices"
)

// maxTokens is the largest size of a vocabulary.
const maxTokens = 1 << 21

// maxTokenBytes is the length above which a token never comes out of a grammar.
const maxTokenBytes = 2048

// A Vocabulary is the bytes of a model's tokens as a trie. It does not change, and all grammars share it.
type Vocabulary struct {
	size   int
	pieces []string // by id; empty for tokens that are never allowed
	ends   []int32
	isEnd  []bool

	// Nodes in order of their bytes, each followed by those below it; node 0 is the root.
	label []byte
	depth []uint16 // bytes from the root
	after []int32  // the first node that is not below
	first []int32  // ids[first[n]:first[n+1]] end at node n
	ids   []int32
}

// NewVocabulary reads a vocabulary of size tokens. piece returns the bytes that a token adds to the text, nothing for a
// token that no text is made of, such as a control token; ends says that a token ends the text. Errors wrap ErrVocabulary.
func NewVocabulary(size int, piece func(id int32) []byte, ends func(id int32) bool) (*Vocabulary, error) {
	if size < 1 || size > maxTokens {
		return nil, ErrVocabulary
	}
	v := &Vocabulary{size: size, pieces: make([]string, size), isEnd: make([]bool, size)}
	for id := range int32(size) {
		if ends(id) {
			v.ends, v.isEnd[id] = append(v.ends, id), true
		} else if p := piece(id); len(p) > 0 && len(p) <= maxTokenBytes {
			v.pieces[id] = string(p)
			v.ids = append(v.ids, id)
		}
	}
	slices.SortFunc(v.ids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(v.pieces[a], v.pieces[b]), cmp.Compare(a, b))
	})
	v.plant()
	return v, nil
}

// plant makes the trie of the sorted ids.
func (v *Vocabulary) plant() {
	v.node(0, 0, 0)
	var open []int32 // the nodes of the last token
	last := ""
	for i, id := range v.ids {
		p, common := v.pieces[id], 0
		for common < len(p) && common < len(last) && p[common] == last[common] {
			common++
		}
		for _, n := range open[common:] {
			v.after[n] = int32(len(v.label))
		}
		open = open[:common]
		for d := common; d < len(p); d++ {
			open = append(open, int32(len(v.label)))
			v.node(p[d], d+1, i)
		}
		last = p
	}
	for _, n := range append(open, 0) {
		v.after[n] = int32(len(v.label))
	}
	v.first = append(v.first, int32(len(v.ids)))
}

func (v *Vocabulary) node(label byte, depth, first int) {
	v.label, v.depth = append(v.label, label), append(v.depth, uint16(depth))
	v.after, v.first = append(v.after, 0), append(v.first, int32(first))
}

// words is the length of a mask.
func (v *Vocabulary) words() int { return (v.size + 63) / 64 }
