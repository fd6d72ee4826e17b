package probe

import (
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// codecs write a text so that a filter does not see it and a model may: the transformations of inject.smuggle.
var codecs = map[string]func(string) string{
	"base64":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base32":             func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) },
	"base16":             func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base85":             encode85,
	"hex":                func(s string) string { return spaced(hex.EncodeToString([]byte(s)), 2) },
	"rot13":              func(s string) string { return strings.Map(rot13, s) },
	"reverse":            reversed,
	"morse":              morse,
	"leet":               func(s string) string { return leetLetters.Replace(s) },
	"unicode-tags":       tagged,
	"zero-width":         func(s string) string { return between(s, "\u200b") },
	"variation-selector": selected,
	"bidi":               func(s string) string { return "\u202e" + reversed(s) + "\u202c" },
	"homoglyph":          func(s string) string { return strings.Map(lookalike, s) },
}

// Codecs returns the names of the transformations that a suite can write behind a slot: {act|rot13}.
func Codecs() []string { return slices.Sorted(maps.Keys(codecs)) }

func encode85(s string) string {
	out := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return string(out[:ascii85.Encode(out, []byte(s))])
}

// spaced puts a space behind every n bytes of ASCII.
func spaced(s string, n int) string {
	var parts []string
	for part := range slices.Chunk([]byte(s), n) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, " ")
}

// leetLetters leaves capitals alone, so that the halves of a nonce stay what they are.
var leetLetters = strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5", "t", "7")

// morseCode holds letters and then digits, after ITU-R M.1677-1.
var morseCode = strings.Fields(".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. " +
	"----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.")

func morse(s string) string {
	var signs []string
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z':
			signs = append(signs, morseCode[r-'a'])
		case r >= '0' && r <= '9':
			signs = append(signs, morseCode[26+r-'0'])
		case unicode.IsSpace(r):
			signs = append(signs, "/")
		}
	}
	return strings.Join(signs, " ")
}

// tagged writes ASCII as tag characters, which no font shows (Unicode, block Tags).
func tagged(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r <= '~' {
			return 0xe0000 + r
		}
		return r
	}, s)
}

// between puts a mark between the characters.
func between(s, mark string) string { return strings.Join(strings.Split(s, ""), mark) }

// selected hides bytes behind a symbol, each as one of the 256 variation selectors.
func selected(s string) string {
	var b strings.Builder
	b.WriteString("\u2b50")
	for _, c := range []byte(s) {
		if c < 16 {
			b.WriteRune(0xfe00 + rune(c))
		} else {
			b.WriteRune(0xe0100 + rune(c) - 16)
		}
	}
	return b.String()
}

// lookalikes are letters of other scripts that look like Latin ones, in pairs.
const lookalikes = "aаcсeеiіjјoоpрsѕxхyуAАBВCСEЕHНIІJЈKКMМOОPРSЅTТXХYУ"

// lookalike exchanges a Latin letter for one of another script that looks like it.
func lookalike(r rune) rune {
	pairs := []rune(lookalikes)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == r {
			return pairs[i+1]
		}
	}
	return r
}

// latin undoes [lookalike].
func latin(r rune) rune {
	if r < 0x400 {
		return r
	}
	pairs := []rune(lookalikes)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == r {
			return pairs[i]
		}
	}
	return r
}
