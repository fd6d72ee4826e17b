package scan_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// Every type of the format, with three by four elements.
func TestSafetensorsTypes(t *testing.T) {
	t.Parallel()

	for dtype, bits := range map[string]int{
		"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
		"U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
	} {
		header := func(n int) string {
			return fmt.Sprintf(`{"a":{"dtype":%q,"shape":[3,4],"data_offsets":[0,%d]}}`, dtype, n)
		}
		n := 12 * bits / 8
		require.Empty(t, scanBytes(t, safetensorsFile(header(n), n, -1)).Findings, dtype)
		require.Equal(t, []string{"cannot-parse"}, rules(scanBytes(t, safetensorsFile(header(n+1), n+1, -1))), dtype)
	}
	odd := `{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}`
	require.Equal(t, []string{"cannot-parse"}, rules(scanBytes(t, safetensorsFile(odd, 2, -1))), "half a byte")
}

func TestSafetensorsPatterns(t *testing.T) {
	t.Parallel()

	tensor := func(name, offsets string) string {
		return fmt.Sprintf(`%q:{"dtype":"U8","shape":[8],"data_offsets":%s}`, name, offsets)
	}
	file := func(header string, data int) []byte { return safetensorsFile(header, data, -1) }
	length := func(n uint64) []byte {
		b := file("{"+tensor("a", "[0,8]")+"}", 8)
		binary.LittleEndian.PutUint64(b, n)
		return b
	}
	var metadata strings.Builder
	metadata.WriteString(`{"__metadata__":{`)
	for i := range hallmark.MaxTensors + 2 {
		fmt.Fprintf(&metadata, `"%d":"",`, i)
	}
	bad := []string{"cannot-parse"}
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"length 2^64-1":              {length(1<<64 - 1), bad},
		"length 2^63":                {length(1 << 63), bad},
		"length over the cap":        {length(100_000_001), bad},
		"length over the file":       {length(1000), bad},
		"length 0":                   {length(0), bad},
		"length 1":                   {length(1), bad},
		"inverted":                   {file("{"+tensor("a", "[8,0]")+"}", 8), bad},
		"overlapping":                {file("{"+tensor("a", "[0,8]")+","+tensor("b", "[4,12]")+"}", 12), bad},
		"the same bytes":             {file("{"+tensor("a", "[0,8]")+","+tensor("b", "[0,8]")+"}", 8), bad},
		"gap":                        {file("{"+tensor("a", "[0,8]")+","+tensor("b", "[16,24]")+"}", 24), bad},
		"gap at the start":           {file("{"+tensor("a", "[8,16]")+"}", 16), bad},
		"past the file":              {file("{"+tensor("a", "[0,8]")+"}", 7), bad},
		"offset 2^64-1":              {file("{"+tensor("a", "[18446744073709551607,18446744073709551615]")+"}", 8), bad},
		"offset 2^64":                {file("{"+tensor("a", "[0,18446744073709551616]")+"}", 8), bad},
		"offset as a fraction":       {file("{"+tensor("a", "[0,8.0]")+"}", 8), bad},
		"negative offset":            {file("{"+tensor("a", "[-8,0]")+"}", 8), bad},
		"trailing bytes":             {file("{"+tensor("a", "[0,8]")+"}", 9), []string{"trailing-bytes"}},
		"name twice":                 {file("{"+tensor("a", "[0,8]")+","+tensor("a", "[8,16]")+"}", 16), bad},
		"name twice, escaped":        {file("{"+tensor("a", "[0,8]")+","+strings.Replace(tensor("a", "[8,16]"), `"a"`, `"\u0061"`, 1)+"}", 16), bad},
		"field twice":                {file(`{"a":{"dtype":"U8","dtype":"F32","shape":[8],"data_offsets":[0,8]}}`, 8), bad},
		"metadata twice":             {file(`{"__metadata__":{},"__metadata__":{}}`, 0), bad},
		"metadata of a list":         {file(`{"__metadata__":[]}`, 0), bad},
		"metadata nested":            {file(`{"__metadata__":{"a":{}}}`, 0), bad},
		"metadata null":              {file(`{"__metadata__":{"a":null}}`, 0), bad},
		"too much metadata":          {file(metadata.String()+`"z":""}}`, 0), bad},
		"list":                       {file(`["a"]`, 0), []string{"unknown-format"}},
		"bytes after the object":     {file(`{}{}`, 0), bad},
		"not UTF-8":                  {file("{"+strings.Replace(tensor("a", "[0,8]"), "a", "\xff", 1)+"}", 8), bad},
		"cut character":              {file("{}\xc3", 0), bad},
		"unknown type":               {file(`{"a":{"dtype":"X","shape":[],"data_offsets":[0,1]}}`, 1), bad},
		"unknown field":              {file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}`, 1), bad},
		"shape that overflows":       {file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), bad},
		"shape that overflows to 0":  {file(`{"a":{"dtype":"U8","shape":[9223372036854775808,2],"data_offsets":[0,0]}}`, 0), bad},
		"shape without elements":     {file(`{"a":{"dtype":"U8","shape":[0,7],"data_offsets":[0,0]}}`, 0), nil},
		"padding":                    {file("{}      ", 0), nil},
		"length that looks a pickle": {file("{}"+strings.Repeat(" ", 0x0280-2), 0), nil}, // 640 is PROTO 2
	}
	for name, tt := range tests {
		res, err := scan.File(bytes.NewReader(tt.data), int64(len(tt.data)), "file")
		require.NoError(t, err)
		require.Equal(t, tt.rules, rules(res), "%s: %v", name, res.Findings)
	}
	res, err := scan.File(strings.NewReader("x"), 1, "model.safetensors")
	require.NoError(t, err)
	require.Equal(t, bad, rules(res))
}

// The length runs as PROTO 2 and as a text of 0x20 bytes; what follows in the first name is code for the reader of pickles,
// and none of it disturbs the reader of the header.
func TestSafetensorsAndPickle(t *testing.T) {
	t.Parallel()

	n := 0x8c | 0x20<<8 // SHORT_BINUNICODE of 32 bytes: six zeros and the first 26 bytes of the header
	code := `.`         // STOP
	header := `{"` + strings.Repeat("a", 24) + code + `":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`
	header += strings.Repeat(" ", n-len(header))
	res := scanBytes(t, safetensorsFile(header, 1, -1))
	require.Equal(t, scan.FormatSafetensors, res.Format)
	require.Equal(t, []string{"polyglot"}, rules(res))
}
