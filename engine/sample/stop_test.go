package sample_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/sample"
)

// stream cuts text into pieces of n bytes and returns what came out of each, and of Flush.
func stream(t *testing.T, stops []string, text string, n int) (out []string, stopped bool) {
	t.Helper()
	s, err := sample.NewStop(stops)
	require.NoError(t, err)
	for len(text) > 0 && !stopped {
		k := min(n, len(text))
		var b []byte
		b, stopped = s.Add([]byte(text[:k]))
		out = append(out, string(b))
		text = text[k:]
	}
	return append(out, string(s.Flush())), stopped
}

func TestStopTexts(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		stops      []string
		text, want string
		stopped    bool
	}{
		"none":                           {nil, "hello", "hello", false},
		"removed":                        {[]string{"END"}, "abcENDdef", "abc", true},
		"at once":                        {[]string{"a"}, "abc", "", true},
		"began only":                     {[]string{"END"}, "abcEN", "abcEN", false},
		"began twice":                    {[]string{"aab"}, "xaaab", "xa", true},
		"the first complete one":         {[]string{"abcd", "bc"}, "xabcd", "xa", true},
		"the longest that is complete":   {[]string{"c", "abc"}, "xabc", "x", true},
		"one begins another":             {[]string{"\n\n", "\n\nUser:"}, "a\n\nUser: b", "a", true},
		"inside a character":             {[]string{"é"}, "caféx", "caf", true},
		"text that is not UTF-8":         {[]string{"!"}, "a\xff\xc3(\xe2\x82!b", "a\xff\xc3(\xe2\x82", true},
		"the end is part of a character": {nil, "ab\xe2\x82", "ab\xe2\x82", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= len(tt.text); n++ {
				out, stopped := stream(t, tt.stops, tt.text, n)
				require.Equal(t, tt.want, strings.Join(out, ""), "pieces of %d bytes", n)
				require.Equal(t, tt.stopped, stopped)
			}
		})
	}
}

func TestStopHoldsNoMoreThanItMust(t *testing.T) {
	t.Parallel()

	out, _ := stream(t, []string{"END"}, "aE\u00e9ENxEND", 1)
	require.Equal(t, []string{"a", "", "E", "é", "", "", "ENx", "", "", "", ""}, out)

	s, err := sample.NewStop([]string{"x"})
	require.NoError(t, err)
	_, stopped := s.Add([]byte("x"))
	require.True(t, stopped)
	text, stopped := s.Add([]byte("y"))
	require.Empty(t, text)
	require.True(t, stopped)
}

func TestStopRefuses(t *testing.T) {
	t.Parallel()

	for _, stops := range [][]string{{""}, {strings.Repeat("x", 257)}, make([]string, 17)} {
		_, err := sample.NewStop(stops)
		require.Error(t, err)
	}
}

func FuzzStop(f *testing.F) {
	f.Add("aab", "ab", "xaaabab", uint8(2))
	f.Add("\xe2\x82", "é", "a\xe2\x82\xace\u0301é", uint8(1))
	f.Fuzz(func(t *testing.T, a, b, text string, n uint8) {
		if a == "" || b == "" || len(a) > 256 || len(b) > 256 || n == 0 {
			return
		}
		want, stopped := text, false
		for end := 1; end <= len(text) && !stopped; end++ {
			for _, s := range []string{a, b} {
				if strings.HasSuffix(text[:end], s) && (!stopped || end-len(s) < len(want)) {
					want, stopped = text[:end-len(s)], true
				}
			}
		}
		out, got := stream(t, []string{a, b}, text, int(n))
		require.Equal(t, stopped, got)
		require.Equal(t, want, strings.Join(out, ""))
		if utf8.ValidString(text) && utf8.ValidString(a) && utf8.ValidString(b) {
			for _, o := range out {
				require.True(t, utf8.ValidString(o), "%q", o)
			}
		}
	})
}

func TestStopAllocatesNothing(t *testing.T) {
	s, err := sample.NewStop([]string{"never", "this"})
	require.NoError(t, err)
	piece := bytes.Repeat([]byte("nevthi"), 4)
	s.Add(piece)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Add(piece) }))
}
