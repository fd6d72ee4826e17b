package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goJSON says the same by Go's own reader.
func goJSON(text []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func syntaxOf(text []byte) bool {
	return (&syntax{in: newStreamAt(bytes.NewReader(text), int64(len(text)))}).values()
}

var syntaxSeeds = []string{
	"", " ", "{}", "[]", "{}{}", "1 2", `"a"`, `{"a":1}`, `{"a":[1,2,{"b":null}]}`, "[1,]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, "[1 2]", "]", "}", "[}", "{]", "true", "tru", "truex", "nul",
	"-", "-1", "01", "1.", "1.5", "1e", "1e+", "1e-7", ".5", "+1", `"\u12"`, `"\u12aF"`, `"\x"`, `"\`, `"a`, "\"a\nb\"", "[\"\x1f\"]", `"\"\\\/\b\f\n\r\t"`, "{\"a\":1}\n{\"a\":2}\n", "\xff", "\"\xff\"", "[[[[", "1]",
	strings.Repeat("[", 10000) + strings.Repeat("]", 10000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001), "\"" + strings.Repeat("x", 200000) + "\"", "[" + strings.Repeat("1,", 100000) + "1]",
}

func TestSyntaxOfJSON(t *testing.T) {
	t.Parallel()

	for _, text := range syntaxSeeds {
		require.Equal(t, goJSON([]byte(text)), syntaxOf([]byte(text)), "%.60q", text)
	}
}

// FuzzSyntax compares with Go's own reader.
func FuzzSyntax(f *testing.F) {
	for _, text := range syntaxSeeds {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { require.Equal(t, goJSON(text), syntaxOf(text)) })
}

// A text or number over the limit, and more names than are kept, are refused before they are held.
func TestBoundsOfJSON(t *testing.T) {
	t.Parallel()

	walk := func(parts ...io.Reader) error { return walkJSON(io.MultiReader(parts...), jsonVisitor{}) }
	many := func(part string, n int) io.Reader { return strings.NewReader(strings.Repeat(part, n)) }
	require.NoError(t, walk(strings.NewReader(`{"a":"`), many("x", maxJSONText-16), strings.NewReader(`"}`)))
	require.ErrorContains(t, walk(strings.NewReader(`{"a":"`), many("x", maxJSONText), strings.NewReader(`"}`)), "a text of more than")
	require.ErrorContains(t, walk(strings.NewReader(`{"a":"`), many(`\"`, maxJSONText/2+1), strings.NewReader(`"}`)), "a text of more than")
	require.ErrorContains(t, walk(strings.NewReader(`[`), many("1", maxJSONText), strings.NewReader(`]`)), "a text of more than")
	require.NoError(t, walk(strings.NewReader(`[`), many(`"`+strings.Repeat(`\\`, maxJSONText/8)+`",`, 5), strings.NewReader(`1]`)))

	var names strings.Builder
	for i := range 70 {
		names.WriteString(`{`)
		for k := range maxJSONUnique - 1 {
			names.WriteString(`"` + string(rune(0x4e00+k)) + `":1,`)
		}
		names.WriteString(`"` + string(rune('a'+i%26)) + `":`)
	}
	require.ErrorContains(t, walk(strings.NewReader(names.String())), "names in objects that are open")
}
