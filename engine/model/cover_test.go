package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// cover returns few rows of values, one for each factor, in which every value of a factor meets every value of every other
// one. sizes are the numbers of values. Each row begins with a pair that no row has yet; each further factor takes the value
// that makes the most new pairs, and among equals the one that rows have least.
func cover(sizes ...int) [][]int {
	c := covering{sizes: sizes, met: map[[4]int]bool{}, used: make([][]int, len(sizes))}
	for f, n := range sizes {
		c.used[f] = make([]int, n)
	}
	var rows [][]int
	for {
		row := c.next()
		if row == nil {
			return rows
		}
		rows = append(rows, row)
		for f, v := range row {
			c.used[f][v]++
			for g := range f {
				c.met[[4]int{g, row[g], f, v}] = true
			}
		}
	}
}

type covering struct {
	sizes []int
	met   map[[4]int]bool // factor, value, later factor, value
	used  [][]int         // rows by factor and value
}

// next returns a row, or nil if no pair lacks.
func (c *covering) next() []int {
	for f := range c.sizes {
		for v := range c.sizes[f] {
			for g := f + 1; g < len(c.sizes); g++ {
				for w := range c.sizes[g] {
					if !c.met[[4]int{f, v, g, w}] {
						return c.complete(f, v, g, w)
					}
				}
			}
		}
	}
	return nil
}

// complete returns a row with two given values.
func (c *covering) complete(f, v, g, w int) []int {
	row := make([]int, len(c.sizes))
	for i := range row {
		row[i] = -1
	}
	row[f], row[g] = v, w
	for i := range row {
		if row[i] >= 0 {
			continue
		}
		best, most := 0, -1
		for v := range c.sizes[i] {
			n := c.gain(row, i, v)
			if n > most || n == most && c.used[i][v] < c.used[i][best] {
				best, most = v, n
			}
		}
		row[i] = best
	}
	return row
}

// gain returns how many new pairs value v of factor f makes with a row's other values.
func (c *covering) gain(row []int, f, v int) int {
	n := 0
	for g, w := range row {
		switch {
		case w < 0 || g == f:
		case g < f && !c.met[[4]int{g, w, f, v}], g > f && !c.met[[4]int{f, v, g, w}]:
			n++
		}
	}
	return n
}

// requirePairs asserts that every value of a factor meets every value of every other one. rows have the values' names.
func requirePairs(t *testing.T, rows [][]string, values ...[]string) {
	t.Helper()
	met := map[[4]string]bool{}
	for _, row := range rows {
		require.Len(t, row, len(values))
		for f := range row {
			for g := range f {
				met[[4]string{string(rune('a' + g)), row[g], string(rune('a' + f)), row[f]}] = true
			}
		}
	}
	for f := range values {
		for g := range f {
			for _, v := range values[f] {
				for _, w := range values[g] {
					require.True(t, met[[4]string{string(rune('a' + g)), w, string(rune('a' + f)), v}], "%s never meets %s", v, w)
				}
			}
		}
	}
}

func TestCover(t *testing.T) {
	t.Parallel()

	for _, sizes := range [][]int{{2, 2, 2}, {3, 3, 3, 2}, {13, 6, 4, 3, 3, 3, 2}, {1, 4}} {
		var values [][]string
		for _, n := range sizes {
			var names []string
			for v := range n {
				names = append(names, string(rune('0'+v)))
			}
			values = append(values, names)
		}
		var rows [][]string
		for _, row := range cover(sizes...) {
			var names []string
			for _, v := range row {
				names = append(names, string(rune('0'+v)))
			}
			rows = append(rows, names)
		}
		requirePairs(t, rows, values...)
		t.Log(sizes, len(rows))
	}
	require.Len(t, cover(2, 2, 2), 4)
}
