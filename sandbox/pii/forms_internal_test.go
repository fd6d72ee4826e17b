package pii

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// everyForm is a table without the filter by what follows a word and by confidence.
func everyForm() formTable {
	t := newFormTable(0)
	every := &formRow{lists: [][]*compiled{t.digits.forms}}
	for n := range maxLead + 1 {
		for length := range maxLead + 1 {
			t.digits.rows[n][length].Store(every)
			t.letters.rows[n][length].Store(every)
		}
	}
	return t
}

// The table leaves out forms that cannot match and no others: a scanner that tries all of them finds the same.
func TestFormsThatAreNotTried(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(3, 4))
	every := everyForm()
	pieces := []string{"1", "12", "123", "4111", "756", "A", "AB", "DE", "GIR", "x", "Z9", "0", "9", " ", " ", "-", "-", ".", "/", ":", "+", "(", ")", ",", "_", "\n", "é"}
	found := 0
	for _, least := range []Confidence{0, VeryWeak, Weak, Medium, High} {
		some, all := NewScanner(Config{Least: least, All: true}), NewScanner(Config{Least: least, All: true})
		all.table = every
		for range 500 {
			text := ""
			for range r.IntN(24) {
				text += pieces[r.IntN(len(pieces))]
			}
			want := all.Scan(text)
			require.Equal(t, want, some.Scan(text), "%q", text)
			found += len(want)
		}
	}
	require.Greater(t, found, 200)
	for _, rec := range recognizers { // a number of each form, by itself and in a sentence
		for _, f := range rec.forms {
			some, all := NewScanner(Config{All: true}), NewScanner(Config{All: true})
			all.table = every
			for range 20 {
				text := "a " + textOf(r, compile(f.shape)) + ", b"
				require.Equal(t, all.Scan(text), some.Scan(text), "%s: %q", rec.entity, text)
			}
		}
	}
}

// textOf is a text that a pattern takes.
func textOf(r *rand.Rand, p pattern) string {
	var out []byte
	sep := byte(0)
	for _, e := range p.elems {
		if e.same {
			if sep != 0 {
				out = append(out, sep)
			}
			continue
		}
		var set []byte
		for c, in := range e.set.has {
			if in {
				set = append(set, byte(c))
			}
		}
		for range int(e.min) + r.IntN(int(e.max-e.min)+1) {
			c := set[r.IntN(len(set))]
			if e.sep && sep == 0 {
				sep = c
			}
			out = append(out, c)
		}
	}
	return string(out)
}

// Each separator of a form has a kind of its own.
func TestSeparatorsHaveKinds(t *testing.T) {
	t.Parallel()

	for _, rec := range recognizers {
		for _, f := range rec.forms {
			for i, e := range compile(f.shape).elems {
				for c, in := range e.set.has {
					if e.sep && in && i > 0 && c != ')' { // the last one of a form follows no word that begins it
						require.NotZero(t, gapKind[c], "%s: %q", f.shape, c)
					}
				}
			}
		}
	}
}
