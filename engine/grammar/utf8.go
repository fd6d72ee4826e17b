package grammar

import "unicode/utf8"

// span is a range of bytes, both ends included.
type span struct{ low, high byte }

// spans calls add with the sequences of byte ranges that spell the characters of r, and no others, in UTF-8. It splits r
// where the number of bytes changes, and then until the bytes after the first that differs are all of 80 to BF.
func spans(r runes, add func([]span)) {
	for _, last := range []rune{0x7f, 0x7ff, 0xffff, utf8.MaxRune} {
		if r.low > last {
			continue
		}
		splitTails(runes{r.low, min(r.high, last)}, add)
		if r.high <= last {
			return
		}
		r.low = last + 1
	}
}

// splitTails does it for characters of the same number of bytes.
func splitTails(r runes, add func([]span)) {
	for bits := 6; bits <= 18; bits += 6 {
		tail := rune(1)<<bits - 1
		if r.low&^tail == r.high&^tail || r.high < 0x80 {
			break
		}
		if r.low&tail != 0 {
			splitTails(runes{r.low, r.low | tail}, add)
			splitTails(runes{(r.low | tail) + 1, r.high}, add)
			return
		}
		if r.high&tail != tail {
			splitTails(runes{r.low, r.high&^tail - 1}, add)
			splitTails(runes{r.high &^ tail, r.high}, add)
			return
		}
	}
	var low, high [utf8.UTFMax]byte
	n := utf8.EncodeRune(low[:], r.low)
	utf8.EncodeRune(high[:], r.high)
	seq := make([]span, n)
	for i := range seq {
		seq[i] = span{low[i], high[i]}
	}
	add(seq)
}
