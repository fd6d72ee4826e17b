package hallmark

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText returns s, which somebody else made, as text that is safe in a terminal, a log line and a report: control
// characters, line breaks, bidirectional and invisible format characters become escapes such as \n or \u{202e}, bytes
// that are not UTF-8 become \xNN, and what is longer than limit bytes is cut and ends in "…". It may exceed limit by the
// length of that mark.
func CleanText(s string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+n]
		switch {
		case r == utf8.RuneError && n == 1:
			piece = fmt.Sprintf(`\x%02x`, s[i])
		case r == '\n':
			piece = `\n`
		case r == '\t':
			piece = `\t`
		case r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r):
			piece = fmt.Sprintf(`\u{%x}`, r)
		}
		if b.Len()+len(piece) > limit {
			return b.String() + "…"
		}
		b.WriteString(piece)
		i += n
	}
	return b.String()
}
