package pii

// blockBytes is how much of a text is classified at once: one bit of a word for each byte.
const blockBytes = 64

// lanes has for each byte the highest bit of three lanes of 16 bits: whether it is part of a word, a digit, and a trigger.
var lanes = func() (t [256]uint64) {
	for c, class := range classOf {
		if class&word != 0 {
			t[c] |= 1 << 15
		}
		if class&digit != 0 {
			t[c] |= 1 << 31
		}
		if class == trigger {
			t[c] |= 1 << 47
		}
	}
	return t
}()

// classify tells of the first [blockBytes] bytes of text which are part of a word, a digit, and a trigger. There is no
// branch in it: where words end is what a processor guesses wrong.
func classify(text string) (words, digits, triggers uint64) {
	for i := 0; i < blockBytes; i += 16 {
		t := text[i : i+16]
		v := lanes[t[0]]>>15 | lanes[t[1]]>>14 | lanes[t[2]]>>13 | lanes[t[3]]>>12 |
			lanes[t[4]]>>11 | lanes[t[5]]>>10 | lanes[t[6]]>>9 | lanes[t[7]]>>8 |
			lanes[t[8]]>>7 | lanes[t[9]]>>6 | lanes[t[10]]>>5 | lanes[t[11]]>>4 |
			lanes[t[12]]>>3 | lanes[t[13]]>>2 | lanes[t[14]]>>1 | lanes[t[15]]
		words |= v & 0xffff << i
		digits |= v >> 16 & 0xffff << i
		triggers |= v >> 32 & 0xffff << i
	}
	return words, digits, triggers
}
