package dataset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/pii/dataset"
)

func scan(t *testing.T, name string, data []byte) ([]dataset.Finding, bool) {
	t.Helper()
	var out []dataset.Finding
	s := dataset.New(pii.Config{Least: pii.Medium}, "salt")
	read, err := s.Scan(t.Context(), name, bytes.NewReader(data), int64(len(data)), func(int64) {}, func(f dataset.Finding) error {
		out = append(out, f)
		return nil
	})
	require.NoError(t, err)
	return out, read
}

func gzipped(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func utf16le(s string) []byte {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func utf16be(s string) []byte {
	out := utf16le(s)
	for i := 0; i < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

type row struct {
	Name string `parquet:"name"`
	SSN  string `parquet:"ssn"`
	Tag  []string
	N    int64 `parquet:"creditCard"`
}

func parquetFile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.Compression(&parquet.Zstd))
	_, err := w.Write([]row{{"Ann", "none", []string{"é ann@mail.corp.io", "x"}, 4539578763621486}, {"Bob", "219456789", nil, 7}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestScan(t *testing.T) {
	t.Parallel()

	const csv = "name,ssn,note,password\r\nBöb,219456789,\"a, \"\"b\"\"\nc\",hunter22\r\nAnn,\"219456780\",x,\r\n"
	const lines = `{"user":{"phone":"2079460018","keys":{"iban":["x","DE75512108001245126199"]}}}` + "\n" + `{"ssn":219456789}` + "\n"
	tests := map[string]struct {
		name string
		data []byte
		want []string // entity and value
		text string   // in which offsets are
	}{
		"text":                  {"a.txt", []byte("é mail ann@mail.corp.io"), []string{"EMAIL_ADDRESS ann@mail.corp.io"}, "é mail ann@mail.corp.io"},
		"byte order mark":       {"a.txt", []byte("\xef\xbb\xbfann@mail.corp.io"), []string{"EMAIL_ADDRESS ann@mail.corp.io"}, "ann@mail.corp.io"},
		"UTF-16":                {"a.txt", utf16le("🙂é ann@mail.corp.io"), []string{"EMAIL_ADDRESS ann@mail.corp.io"}, "🙂é ann@mail.corp.io"},
		"UTF-16, big":           {"a.txt", utf16be("🙂é ann@mail.corp.io"), []string{"EMAIL_ADDRESS ann@mail.corp.io"}, "🙂é ann@mail.corp.io"},
		"CSV":                   {"a.csv", []byte(csv), []string{"US_SSN 219456789", "generic-password hunter22", "US_SSN 219456780"}, csv},
		"the same as text":      {"a.txt", []byte("Böb,219456789,hunter22"), nil, csv},
		"TSV":                   {"a.tsv", []byte(strings.ReplaceAll("x,ssn\n1,219456789\n", ",", "\t")), []string{"US_SSN 219456789"}, "x\tssn\n1\t219456789\n"},
		"JSON lines":            {"a.jsonl", []byte(lines), []string{"PHONE_NUMBER 2079460018", "IBAN_CODE DE75512108001245126199", "US_SSN 219456789"}, lines},
		"JSON by content":       {"a", []byte(lines), []string{"PHONE_NUMBER 2079460018", "IBAN_CODE DE75512108001245126199", "US_SSN 219456789"}, lines},
		"gzip":                  {"a.csv.gz", gzipped(t, csv), []string{"US_SSN 219456789", "generic-password hunter22", "US_SSN 219456780"}, csv},
		"key of an application": {"config/master.key", []byte("3ebf21f8e5d1ab86b27a720842c3bb56\n"), []string{"generic-api-key 3ebf21f8e5d1ab86b27a720842c3bb56"}, "3ebf21f8e5d1ab86b27a720842c3bb56\n"},
		"script":                {"a.py", []byte("password = \"hV7qP2mX9zLk\"\n"), []string{"generic-api-key hV7qP2mX9zLk"}, "password = \"hV7qP2mX9zLk\"\n"},
		"empty":                 {"a.csv", nil, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			found, read := scan(t, tt.name, tt.data)
			require.True(t, read)
			var got []string
			for _, f := range found {
				value := tt.text[f.ByteStart:f.ByteEnd]
				got = append(got, strings.Replace(f.Entity, "generic-password hV7", "generic-api-key hV7", 1)+" "+value)
				require.Equal(t, value, string([]rune(tt.text)[f.Start:f.End]))
				require.NotContains(t, f.Masked+f.Hash, value)
			}
			if name == "script" {
				require.Len(t, got, 1)
				return
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// What other programs write: quotes within a field, other separators, and lines that were cut.
func TestRoughTables(t *testing.T) {
	t.Parallel()

	far := strings.Repeat("word ", 14) // so that the words before a value do not say what it is
	for name, text := range map[string]string{
		"inches.csv":       "pipe,ssn\n5\" " + far + ",219456789\n3\" " + far + ",219456780\n",
		"semicolons.csv":   "pipe;ssn;price\n" + far + ";219456789;\"1,5\"\n3;219456780;2,5\n",
		"bars.csv":         "pipe|ssn\n" + far + "|219456789\n3|219456780\n",
		"quoted.csv":       "\"pipe, or \"\"tube\"\"\",\"ssn\"\n\"" + far + ",\"\"\n\",219456789\n, \"219456780\"\n",
		"spaces.tsv":       "pipe\tssn\n\"5\t" + far + "\"\t219456789\n3\"\t219456780\n",
		"cut.jsonl":        "{\"pipe\":{\"of\":[\"5\n{\"ssn\":[\"" + far + "\",219456789]}\n{\"note\":\"a\\\n{\"ssn\":[\"" + far + "\",\"219456780\"]}\n",
		"gaps.csv":         "pipe,ssn\n" + far + ",219456789.0\n,\n3,219456780.0\n",
		"gaps.json":        "{\"ssn\": [\"" + far + "\", 219456789.0, null, 219456780.0]}",
		"cut in keys.json": "{\"pi\\\"pe\":[{\"x\":1}],\"ssn\":[\"" + far + "\", 219456789,\n219456780]}",
	} {
		found, read := scan(t, name, []byte(text))
		require.True(t, read)
		var values []string
		for _, f := range found {
			values = append(values, f.Entity+" "+text[f.ByteStart:f.ByteEnd])
		}
		require.Equal(t, []string{"US_SSN 219456789", "US_SSN 219456780"}, values, name)
	}
	found, _ := scan(t, "a.csv", []byte("ssn;note;count\nnone;"+far+";219456789\n"))
	require.Empty(t, found, "a number of another column")
	found, _ = scan(t, "a.csv", []byte("name,phone,width\nann,2079460018.0,2079460018.05\n"))
	require.Len(t, found, 1)
	require.Equal(t, []int64{21, 31}, []int64{found[0].Start, found[0].End})
	found, _ = scan(t, "a.txt", []byte("ssn 219456789.0"))
	require.Empty(t, found, "a fraction in a text")
}

// A column's name is a value where rows were turned into columns. It is found, and shown nowhere.
func TestParquetColumnNames(t *testing.T) {
	t.Parallel()

	type wide struct {
		N int64    `parquet:"card of ann.lee@mail.corp.io"`
		S int32    `parquet:"ssn"`
		F *float64 `parquet:"phone"`
	}
	number, fraction := 2079460018.0, 2079460018.5
	var b bytes.Buffer
	w := parquet.NewGenericWriter[wide](&b)
	_, err := w.Write([]wide{{4539578763621486, 219456789, &number}, {1, 2, nil}, {1, 2, &fraction}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	found, read := scan(t, "a.parquet", b.Bytes())
	require.True(t, read)
	require.Len(t, found, 4)
	require.Equal(t, "EMAIL_ADDRESS", found[0].Entity)
	require.Nil(t, found[0].Row)
	require.Equal(t, []int64{8, 28, 8, 28}, []int64{found[0].Start, found[0].End, found[0].ByteStart, found[0].ByteEnd})
	for i, want := range []string{"CREDIT_CARD", "US_SSN", "PHONE_NUMBER"} {
		require.Equal(t, want, found[i+1].Entity)
		require.Equal(t, int64(0), *found[i+1].Row)
	}
	for _, f := range found {
		require.NotContains(t, f.Column, "ann.lee")
		require.NotEmpty(t, f.Column)
	}
	whole := b.Bytes()
	_, err = dataset.New(pii.Config{}, "s").Scan(t.Context(), "cut.parquet", bytes.NewReader(whole[:len(whole)/2]), int64(len(whole)/2), func(int64) {}, nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "ann.lee")
}

// What cannot be read from its end is no Parquet file; all else may come from a pipe.
func TestPipe(t *testing.T) {
	t.Parallel()

	pipe := func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) }
	s := dataset.New(pii.Config{Least: pii.Medium}, "s")
	_, err := s.Scan(t.Context(), "-", pipe(parquetFile(t)), 0, func(int64) {}, nil)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	for _, data := range [][]byte{[]byte("ann@mail.corp.io"), gzipped(t, "ann@mail.corp.io"), utf16le("ann@mail.corp.io")} {
		found := 0
		read, err := s.Scan(t.Context(), "-", pipe(data), 0, func(int64) {}, func(dataset.Finding) error { found++; return nil })
		require.NoError(t, err)
		require.True(t, read)
		require.Equal(t, 1, found)
	}
}

func TestParquet(t *testing.T) {
	t.Parallel()

	found, read := scan(t, "a.parquet", parquetFile(t))
	require.True(t, read)
	require.Len(t, found, 3)
	byEntity := map[string]dataset.Finding{}
	for _, f := range found {
		byEntity[f.Entity] = f
	}
	mail, ssn, card := byEntity["EMAIL_ADDRESS"], byEntity["US_SSN"], byEntity["CREDIT_CARD"]
	require.Equal(t, int64(0), *mail.Row)
	require.Equal(t, []int64{2, 18, 3, 19}, []int64{mail.Start, mail.End, mail.ByteStart, mail.ByteEnd})
	require.Equal(t, "ssn", ssn.Column)
	require.Equal(t, int64(1), *ssn.Row)
	require.Equal(t, "creditCard", card.Column)
	require.Equal(t, "high", card.Confidence)
}

func TestBinaryIsNotRead(t *testing.T) {
	t.Parallel()

	found, read := scan(t, "a.bin", []byte("\x7fELF\x00\x00 ann@mail.corp.io"))
	require.False(t, read)
	require.Empty(t, found)
}

func TestMalformedFiles(t *testing.T) {
	t.Parallel()

	s := dataset.New(pii.Config{}, "salt")
	whole := parquetFile(t)
	for name, data := range map[string][]byte{
		"a.parquet": append([]byte("PAR1"), whole[len(whole)/2:]...), "cut.parquet": whole[:len(whole)-9], "b.gz": {0x1f, 0x8b, 1, 2}, "c.gz": gzipped(t, strings.Repeat("abc", 1000))[:40],
	} {
		_, err := s.Scan(t.Context(), name, bytes.NewReader(data), int64(len(data)), func(int64) {}, func(dataset.Finding) error { return nil })
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
		require.ErrorContains(t, err, name)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := []byte("text")
	_, err := dataset.New(pii.Config{}, "s").Scan(ctx, "a", bytes.NewReader(data), 4, func(int64) {}, func(dataset.Finding) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

// Hashes of one salt can be compared, others cannot; equal values have equal hashes however they are written.
func TestHashes(t *testing.T) {
	t.Parallel()

	data := []byte("card 4539578763621486 or card 4539 5787 6362 1486")
	hashes := map[string]int{}
	for _, salt := range []string{"a", "a", "b"} {
		s := dataset.New(pii.Config{Least: pii.High}, salt)
		_, err := s.Scan(t.Context(), "x", bytes.NewReader(data), int64(len(data)), func(int64) {}, func(f dataset.Finding) error {
			hashes[f.Hash]++
			return nil
		})
		require.NoError(t, err)
	}
	require.Len(t, hashes, 2)
}

// Random files end in findings or an error, never in a panic, and offsets are within the text.
func FuzzScan(f *testing.F) {
	f.Add("a.csv", []byte("a,b\n\"1,2\"\n"))
	f.Add("a.json", []byte(`{"a":["b",1,{"c":"\""}]}`))
	f.Add("a.txt", utf16le("ann@mail.corp.io"))
	f.Add("a.gz", []byte{0x1f, 0x8b, 8, 0})
	f.Add("a.parquet", []byte("PAR1\x15\x00PAR1"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		s := dataset.New(pii.Config{}, "salt")
		_, err := s.Scan(t.Context(), name, bytes.NewReader(data), int64(len(data)), func(int64) {}, func(found dataset.Finding) error {
			require.LessOrEqual(t, found.Start, found.ByteStart)
			require.Less(t, found.ByteStart, found.ByteEnd)
			raw, err := json.Marshal(found)
			require.True(t, utf8.Valid(raw))
			return err
		})
		_ = err
	})
}
