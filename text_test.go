package hallmark_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestCleanText(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"plain":                             {in: "a b é 你 😀", limit: 100, want: "a b é 你 😀"},
		"terminal escape":                   {in: "\x1b[31mred\x07\u009b1m", limit: 100, want: `\u{1b}[31mred\u{7}\u{9b}1m`},
		"line breaks":                       {in: "a\r\nb\tc\u2028d", limit: 100, want: `a\u{d}\nb\tc\u{2028}d`},
		"bidi, invisible":                   {in: "a\u202eb\u200bc\U000e0041d\ufe0f", limit: 100, want: `a\u{202e}b\u{200b}c\u{e0041}d\u{fe0f}`},
		"not UTF-8":                         {in: "a\xff\xc3", limit: 100, want: `a\xff\xc3`},
		"cut":                               {in: "abcdef", limit: 3, want: "abc…"},
		"cut in an escape is cut before it": {in: "ab\x00", limit: 5, want: "ab…"},
		"empty":                             {in: "", limit: 0, want: ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tt.want, hallmark.CleanText(tt.in, tt.limit))
		})
	}
}
