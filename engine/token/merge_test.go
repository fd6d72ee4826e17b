package token

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzMerger merges letters by arbitrary ranks: it asks for at most three pairs a letter, which with a heap is n log n time
// whatever the text and the vocabulary, and gives what merging the best pair of all, again and again, gives.
func FuzzMerger(f *testing.F) {
	f.Add([]byte("hello"), []byte{3, 1, 2})
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), []byte{0, 0, 0, 0, 0, 0})
	f.Add([]byte("abcabcabcbcabacbcabcabacbacba"), []byte{9, 8, 7, 6, 5, 4, 3, 2, 1, 200, 255})
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		word, ranks := make([]byte, 40), make([]byte, 16)
		for i := range word {
			word[i] = byte('a' + r.IntN(2))
		}
		for i := range ranks {
			ranks[i] = []byte{1, 2, 3, 255}[r.IntN(4)]
		}
		f.Add(word, ranks)
	}
	f.Fuzz(func(t *testing.T, word, ranks []byte) {
		if len(word) == 0 || len(word) > 300 || len(ranks) == 0 {
			return
		}
		rank := func(l, r string) (uint32, bool) {
			sum := uint32(17)
			for _, b := range []byte(l + "\x00" + r) {
				sum = sum*31 + uint32(b)
			}
			v := ranks[sum%uint32(len(ranks))]
			return uint32(v), v < 224
		}
		asked := 0
		m := &merger{pair: func(l, r symbol) (uint32, int32, bool) {
			asked++
			v, ok := rank(string(word[l.start:l.end]), string(word[r.start:r.end]))
			return v, 0, ok
		}}
		for i := range word {
			m.add(i, i+1, 0)
		}
		m.run()
		require.LessOrEqual(t, asked, 3*len(word))
		require.LessOrEqual(t, cap(m.heap), 8*len(word)+8)
		var got []string
		for i := int32(0); i >= 0; i = m.symbols[i].next {
			got = append(got, string(word[m.symbols[i].start:m.symbols[i].end]))
		}
		require.Equal(t, mergeAll(word, rank), got)
	})
}

// mergeAll is the definition of what a merger does.
func mergeAll(word []byte, rank func(l, r string) (uint32, bool)) []string {
	var parts []string
	for _, b := range word {
		parts = append(parts, string([]byte{b}))
	}
	for {
		best, at := uint32(0), -1
		for i := 1; i < len(parts); i++ {
			if v, ok := rank(parts[i-1], parts[i]); ok && (at < 0 || v < best) {
				best, at = v, i
			}
		}
		if at < 0 {
			return parts
		}
		parts[at-1] += parts[at]
		parts = slices.Delete(parts, at, at+1)
	}
}
