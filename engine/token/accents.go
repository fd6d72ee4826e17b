package token

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A decomposition is what is left of a character without its accents, at most three characters.
type decomposition [3]rune

// decompositions are those of [accented] and [composed].
var decompositions = sync.OnceValue(func() map[rune]decomposition {
	out := map[rune]decomposition{}
	for group := range strings.FieldsSeq(accented) {
		base, size := utf8.DecodeRuneInString(group)
		for _, r := range group[size:] {
			out[r] = decomposition{base}
		}
	}
	for group := range strings.FieldsSeq(composed) {
		whole, size := utf8.DecodeRuneInString(group)
		var d decomposition
		copy(d[:], []rune(group[size:]))
		out[whole] = d
	}
	return out
})

// Hangul syllables are composed by arithmetic (Unicode 15, section 3.12).
const (
	hangulBase, hangulEnd  = 0xac00, 0xd7a4
	leadBase, vowelBase    = 0x1100, 0x1161
	trailBase              = 0x11a7
	vowelCount, trailCount = 21, 28
)

// withoutAccents calls emit for what is left of r: the canonical decomposition without marks that take no space of
// their own.
func withoutAccents(r rune, emit func(rune)) {
	if r < 0xc0 {
		emit(r)
		return
	}
	if r >= hangulBase && r < hangulEnd {
		i := r - hangulBase
		emit(leadBase + i/(vowelCount*trailCount))
		emit(vowelBase + i/trailCount%vowelCount)
		if i%trailCount > 0 {
			emit(trailBase + i%trailCount)
		}
		return
	}
	if d, ok := decompositions()[r]; ok {
		for _, r := range d {
			if r != 0 {
				emit(r)
			}
		}
		return
	}
	if !unicode.Is(unicode.Mn, r) {
		emit(r)
	}
}
