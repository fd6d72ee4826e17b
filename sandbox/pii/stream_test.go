package pii_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// A placed match is one of a stream, with its value.
type placed struct {
	entity, value string
	start, end    pii.Place
}

func streamed(t *testing.T, r io.Reader) []placed {
	t.Helper()
	var out []placed
	s := pii.NewStream(pii.NewScanner(pii.Config{Least: pii.Medium}))
	require.NoError(t, s.Scan(r, nil, func(m pii.Match, start, end pii.Place, value string) error {
		out = append(out, placed{m.Entity, strings.Clone(value), start, end})
		return nil
	}))
	return out
}

// longText has known values at random distances, in lines and out of lines, in letters of one to four bytes.
func longText(size int) string {
	r := rand.New(rand.NewPCG(9, 9))
	var b strings.Builder
	for b.Len() < size {
		k := known[r.IntN(len(known))]
		b.WriteString([]string{"word ", "wörd ", "字 ", "🙂 ", "a\n"}[r.IntN(5)])
		if r.IntN(20) == 0 {
			b.WriteString(k.word + ": " + k.value + [2]string{"\n", " "}[r.IntN(2)])
		}
		if r.IntN(4000) == 0 {
			b.WriteString("\n" + join("-----BEGIN RSA PRI", "VATE KEY-----\n") + strings.Repeat(random(r, alnum, 64)+"\n", 40) + "-----END RSA\n")
		}
	}
	return b.String()
}

// A stream finds in windows what is found in the whole, at the same places.
func TestStreamFindsWhatTheWholeHas(t *testing.T) {
	t.Parallel()

	text := longText(3 << 20)
	s := pii.NewScanner(pii.Config{Least: pii.Medium})
	var want []placed
	var at pii.Place
	last := 0
	for _, m := range s.Scan(text) {
		start := pii.Place{Byte: int64(m.Start), Rune: at.Rune + int64(utf8.RuneCountInString(text[last:m.Start]))}
		end := pii.Place{Byte: int64(m.End), Rune: start.Rune + int64(utf8.RuneCountInString(text[m.Start:m.End]))}
		want = append(want, placed{m.Entity, text[m.Start:m.End], start, end})
		at, last = end, m.End
	}
	require.Greater(t, len(want), 500)
	require.Equal(t, want, streamed(t, strings.NewReader(text)))
	require.Equal(t, want, streamed(t, iotest.HalfReader(strings.NewReader(text))))
}

// A value is found at every place around the border of a window, also without lines and spaces.
func TestStreamBorders(t *testing.T) {
	t.Parallel()

	for _, filler := range []string{"x", "x ", "é", "(\n"} {
		for shift := -40; shift <= 40; shift += 20 {
			before := strings.Repeat(filler, ((1<<20)+shift)/len(filler))
			text := before + " ann.lee@mail.corp.io " + strings.Repeat(filler, 40<<10)
			got := streamed(t, strings.NewReader(text))
			require.Len(t, got, 1, "%q %d", filler, shift)
			require.Equal(t, int64(len(before)+1), got[0].start.Byte)
		}
	}
}

// Bytes that are no UTF-8 have borders of letters nowhere, and are one code point each.
func TestStreamOfNoText(t *testing.T) {
	t.Parallel()

	for _, filler := range []string{"\x80", "\xe2\x82", "🙂\x80\x80\x80\x80", "\xf4\x80\x80\x80\x80\x80\x80\x80\x80"} {
		before := strings.Repeat(filler, (3<<20)/len(filler))
		got := streamed(t, strings.NewReader(before+" ann.lee@mail.corp.io"))
		require.Len(t, got, 1, "%q", filler)
		require.Equal(t, pii.Place{Byte: int64(len(before) + 1), Rune: int64(utf8.RuneCountInString(before) + 1)}, got[0].start, "%q", filler)
	}
}

func TestStreamErrors(t *testing.T) {
	t.Parallel()

	s := pii.NewStream(pii.NewScanner(pii.Config{}))
	stop := errors.New("stop")
	err := s.Scan(strings.NewReader("a@mail.corp.io b@mail.corp.io"), nil, func(pii.Match, pii.Place, pii.Place, string) error { return stop })
	require.ErrorIs(t, err, stop)
	err = s.Scan(iotest.ErrReader(stop), nil, nil)
	require.ErrorIs(t, err, stop)
}

// Named fields give context and call values passwords.
func TestFields(t *testing.T) {
	t.Parallel()

	text := "219456789,hunter22,4539578763621486"
	s := pii.NewScanner(pii.Config{Least: pii.Medium})
	require.Empty(t, s.Scan(text))
	got := s.ScanFields(text, []pii.Field{{Start: 0, End: 9, Name: "ssn"}, {Start: 10, End: 18, Name: "user_password"}, {Start: 19, End: 35, Name: "creditCard"}})
	require.Equal(t, "[US_SSN generic-password CREDIT_CARD]", fmt.Sprint([]string{got[0].Entity, got[1].Entity, got[2].Entity}))
}
