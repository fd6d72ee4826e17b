package stats_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// millionths reads a figure of this package.
func millionths(t *testing.T, s string) string {
	t.Helper()
	n, err := strconv.Atoi(strings.Replace(s, ".", "", 1))
	require.NoError(t, err)
	return strconv.Itoa(n)
}

// TestAgainstRationals holds every digit against testdata/reference.txt, which testdata/reference.py computes in Python's
// fractions and decimals of 60 digits.
func TestAgainstRationals(t *testing.T) {
	t.Parallel()

	f, err := os.Open("testdata/reference.txt")
	require.NoError(t, err)
	defer f.Close()
	lines := 0
	for in := bufio.NewScanner(f); in.Scan(); lines++ {
		words := strings.Fields(in.Text())
		var n []int
		for _, w := range words[1:] {
			x, err := strconv.Atoi(w)
			require.NoError(t, err)
			n = append(n, x)
		}
		var got []string
		given := 3
		switch words[0] {
		case "interval":
			given = 2
			b := stats.Interval(n[0], n[1])
			lower, upper := stats.Wilson(n[0], n[1])
			got = []string{b.Rate, b.Lower, b.Upper, b.Bound, lower, upper}
		case "corrected":
			given = 6
			c := stats.Corrected(n[0], n[1], stats.Judge{Caught: n[2], Bad: n[3], Cleared: n[4], Good: n[5]})
			got = []string{c.Rate, c.Lower, c.Upper}
		case "exceeds":
			got = []string{stats.Decimal(stats.ExceedsP(n[0], n[1], n[2]))}
		case "compare":
			c := stats.Compare(n[0], n[1], n[2], 0)
			got = []string{c.P, c.Difference, c.Lower}
		default:
			t.Fatal(in.Text())
		}
		for i := range got {
			got[i] = millionths(t, got[i])
		}
		require.Equal(t, words[1+given:], got, in.Text())
	}
	require.Greater(t, lines, 300)
}
