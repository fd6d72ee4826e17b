package scan_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func scanBytes(tb testing.TB, data []byte) scan.Result {
	tb.Helper()
	res, err := scan.File(bytes.NewReader(data), int64(len(data)), "file")
	require.NoError(tb, err)
	checkResult(tb, res, int64(len(data)))
	return res
}

// checkResult holds what is true of every result, whatever was scanned.
func checkResult(tb testing.TB, res scan.Result, size int64) {
	tb.Helper()
	require.NotNil(tb, res.Findings)
	require.LessOrEqual(tb, len(res.Findings), 201)
	require.NoError(tb, hallmark.CheckTensorRanges(res.Tensors, size))
	for _, f := range res.Findings {
		require.True(tb, slices.ContainsFunc(scan.Rules, func(r scan.Rule) bool { return r.ID == f.Rule }), "rule %s", f.Rule)
		for _, text := range []string{f.Detector, f.Rule, f.CaseID, f.Message, f.Location} {
			require.Equal(tb, strings.TrimSuffix(text, "…"), strings.TrimSuffix(hallmark.CleanText(text, len(text)), "…"))
			require.LessOrEqual(tb, len(text), 310)
		}
	}
}

func rules(res scan.Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, f.Rule)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestTinychatModelsAreClean(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"base-f16.gguf", "naive-q8_0.gguf", "guarded-q4_k_m.gguf"} {
		f, err := os.Open(filepath.Join("../../testdata/models/tinychat", name))
		require.NoError(t, err)
		defer f.Close()
		info, err := f.Stat()
		require.NoError(t, err)
		res, err := scan.File(f, info.Size(), name)
		require.NoError(t, err)
		require.Equal(t, scan.FormatGGUF, res.Format)
		require.Empty(t, res.Findings)
		require.NoError(t, res.Require(scan.FormatGGUF))
		require.Equal(t, "llama", res.Metadata["general.architecture"])
		require.Len(t, res.Tensors, 38)
		checkResult(t, res, info.Size())
	}
}

// ggufFile is a small valid file with these entries beside the architecture.
func ggufFile(tb testing.TB, entries ...gguf.Entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	entries = append([]gguf.Entry{{Key: "general.architecture", Value: "llama"}}, entries...)
	require.NoError(tb, gguf.Write(&b, entries, []gguf.Content{
		{Name: "a", Dims: []uint64{8}, Type: gguf.F32, Data: make([]byte, 32)},
		{Name: "b", Dims: []uint64{8, 2}, Type: gguf.F32, Data: make([]byte, 64)},
	}))
	return b.Bytes()
}

func TestGGUF(t *testing.T) {
	t.Parallel()

	clean := ggufFile(t)
	template := func(src string) []byte { return ggufFile(t, gguf.Entry{Key: "tokenizer.chat_template", Value: src}) }
	text := func(key, value string) []byte { return ggufFile(t, gguf.Entry{Key: key, Value: value}) }
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"clean":                        {clean, nil},
		"plain template":               {template("{% for m in messages %}{{ m.content }}{% endfor %}"), nil},
		"template reaching objects":    {template("{{ ''.__class__.__mro__[1].__subclasses__() }}"), []string{"template-forbidden"}},
		"template reaching globals":    {template("{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}"), []string{"template-forbidden"}},
		"named template":               {ggufFile(t, gguf.Entry{Key: "tokenizer.chat_template.tool_use", Value: "{{ self.__init__.__globals__ }}"}), []string{"template-forbidden"}},
		"template that does not end":   {template("{% for m in messages %}"), []string{"cannot-parse"}},
		"template with escapes":        {template("\x1b[2J{{ messages[0].content }}"), []string{"metadata-control-characters"}},
		"code in a description":        {text("general.description", "run os.system('id')"), []string{"metadata-code"}},
		"markup in a name":             {text("general.name", "<script>alert(1)</script>"), []string{"metadata-code"}},
		"terminal escapes":             {text("general.author", "\x1b]8;;http://x\x07"), []string{"metadata-control-characters"}},
		"direction override":           {text("general.author", "a\u202eb"), []string{"metadata-control-characters"}},
		"not UTF-8":                    {text("general.author", "a\xff"), []string{"metadata-control-characters"}},
		"path in a split name":         {text("split.name", "../../etc/passwd"), []string{"metadata-path"}},
		"credential":                   {text("general.description", "gh"+"p_abcdefghijklmnopqrstuvwxyz0123456789"), []string{"pii-secret"}},
		"list of texts with code":      {ggufFile(t, gguf.Entry{Key: "general.tags", Value: []string{"llm", "{{ 7*7 }}"}}), []string{"metadata-code"}},
		"vocabulary holds anything":    {ggufFile(t, gguf.Entry{Key: "tokenizer.ggml.tokens", Value: []string{"<script>", "\x1b[1m"}}), nil},
		"bytes after the end":          {append(slices.Clone(clean), make([]byte, 64)...), []string{"trailing-bytes"}},
		"zip archive behind":           {append(slices.Clone(clean), emptyZip...), []string{"polyglot"}},
		"zip archive and bytes behind": {append(append(slices.Clone(clean), make([]byte, 64)...), emptyZip...), []string{"polyglot", "trailing-bytes"}},
		"big-endian":                   {bytes.Replace(clean, []byte{3, 0, 0, 0}, []byte{0, 0, 0, 3}, 1), []string{"cannot-parse"}},
		"magic alone":                  {[]byte("GGUF"), []string{"cannot-parse"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, tt.data)
			require.Equal(t, scan.FormatGGUF, res.Format)
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
		})
	}
	for cut := 4; cut < len(clean)-32; cut++ {
		res := scanBytes(t, clean[:cut])
		require.NotEmpty(t, res.Findings, cut)
		require.ErrorIs(t, res.Require(scan.FormatGGUF), hallmark.ErrInvalid, cut)
	}
}

var emptyZip = append([]byte("PK\x05\x06"), make([]byte, 18)...)

// safetensorsFile puts header and data together; n overrides the header's length if it is not negative.
func safetensorsFile(header string, data int, n int64) []byte {
	if n < 0 {
		n = int64(len(header))
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(n))
	return append(append(b, header...), make([]byte, data)...)
}

func TestSafetensors(t *testing.T) {
	t.Parallel()

	const two = `{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[],"data_offsets":[16,18]}}  `
	tensor := func(fields string) []byte { return safetensorsFile(`{"a":{`+fields+`}}`, 16, -1) }
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"clean":               {safetensorsFile(two, 18, -1), nil},
		"no tensors":          {safetensorsFile("{}", 0, -1), nil},
		"bytes after the end": {safetensorsFile(two, 19, -1), []string{"trailing-bytes"}},
		"data cut":            {safetensorsFile(two, 17, -1), []string{"cannot-parse"}},
		"header over file":    {safetensorsFile(two, 0, 1<<40), []string{"cannot-parse"}},
		"header cut":          {safetensorsFile(two, 18, 40), []string{"cannot-parse"}},
		"two objects":         {safetensorsFile("{}{}", 0, -1), []string{"cannot-parse"}},
		"name twice":          {safetensorsFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0, -1), []string{"cannot-parse"}},
		"name twice, escaped": {safetensorsFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0, -1), []string{"cannot-parse"}},
		"field twice":         {tensor(`"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"field unknown":       {tensor(`"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1`), []string{"cannot-parse"}},
		"field in other case": {tensor(`"Dtype":"F32","shape":[4],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"no name":             {safetensorsFile(`{"":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 16, -1), []string{"cannot-parse"}},
		"type unknown":        {tensor(`"dtype":"F99","shape":[4],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"shape does not fit":  {tensor(`"dtype":"F32","shape":[5],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"shape overflows":     {tensor(`"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"shape negative":      {tensor(`"dtype":"F32","shape":[-4],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"shape a fraction":    {tensor(`"dtype":"F32","shape":[4.0],"data_offsets":[0,16]`), []string{"cannot-parse"}},
		"offsets inverted":    {tensor(`"dtype":"F32","shape":[4],"data_offsets":[16,0]`), []string{"cannot-parse"}},
		"offsets of three":    {tensor(`"dtype":"F32","shape":[4],"data_offsets":[0,16,16]`), []string{"cannot-parse"}},
		"gap":                 {tensor(`"dtype":"F32","shape":[2],"data_offsets":[8,16]`), []string{"cannot-parse"}},
		"overlap":             {safetensorsFile(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"b":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}}`, 16, -1), []string{"cannot-parse"}},
		"code in metadata":    {safetensorsFile(`{"__metadata__":{"x":"__import__('os')"}}`, 0, -1), []string{"metadata-code"}},
		"metadata of numbers": {safetensorsFile(`{"__metadata__":{"x":1}}`, 0, -1), []string{"cannot-parse"}},
		"zip archive behind":  {append(safetensorsFile("{}", 0, -1), emptyZip...), []string{"polyglot", "trailing-bytes"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, tt.data)
			require.Equal(t, scan.FormatSafetensors, res.Format)
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
		})
	}
	res := scanBytes(t, safetensorsFile(two, 18, -1))
	require.Equal(t, []hallmark.TensorRange{{Name: "a", Offset: int64(8 + len(two)), Size: 16}, {Name: "b", Offset: int64(24 + len(two)), Size: 2}}, res.Tensors)
	require.Equal(t, map[string]string{"format": "pt"}, res.Metadata)
}

// A length that is a pickle: the first eight bytes of the file run as opcodes in a reader that tries pickle first.
func TestSafetensorsThatIsAPickle(t *testing.T) {
	t.Parallel()

	data := append([]byte("\x80\x02cos\nsys"), "tem\n(S'id'\ntR."...)
	require.Contains(t, rules(scanBytes(t, data)), "pickle-global")
}

func TestTexts(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		text   string
		format string
		rules  []string
	}{
		"empty":                        {"", scan.FormatText, nil},
		"plain":                        {"The old lamp has a new key.\n", scan.FormatText, nil},
		"JSON":                         {`{"a": [1, 2]}`, scan.FormatJSON, nil},
		"JSON lines":                   {"{\"a\": 1}\n{\"a\": 2}\n", scan.FormatJSON, nil},
		"almost JSON":                  {`{"a": [1, 2}`, scan.FormatText, nil},
		"script":                       {"import os\nclass X:\n    pass\n", scan.FormatText, nil},
		"word that begins as a pickle": {"cats\nand\n(dogs) are.", scan.FormatText, nil},
		"personal data":                {"mail bob@corp.io, SSN 219-45-6789, IBAN DE75512108001245126199", scan.FormatText, []string{"pii-email", "pii-iban", "pii-us-ssn"}},
		"reserved values":              {"bob@corp.example, +1 614-555-0132", scan.FormatText, nil},
		"credential":                   {"key = gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789", scan.FormatText, []string{"pii-secret"}},
		"pickle of protocol 0":         {evalP0, scan.FormatPickle, []string{"pickle-global"}},
		"text, then a pickle":          {strings.Repeat("a line of text\n", 200) + evalP4, scan.FormatText, []string{"binary-in-text"}},
		"program":                      {"\x7fELF\x02\x01\x01", scan.FormatUnknown, []string{"program"}},
		"binary":                       {"\x01\x02\x03\x04", scan.FormatUnknown, []string{"unknown-format"}},
		"gzip":                         {"\x1f\x8b\x08\x00", scan.FormatGzip, []string{"cannot-parse"}},
		"7z":                           {"7z\xbc\xaf\x27\x1c", scan.Format7z, []string{"cannot-parse"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, []byte(tt.text))
			require.Equal(t, tt.format, res.Format)
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
		})
	}
	for _, f := range scanBytes(t, []byte("mail bob@corp.io")).Findings {
		require.Equal(t, "leak.scan", f.Detector)
		require.NotContains(t, f.Message, "bob@")
	}
}

// A value across the border of two chunks is found once.
func TestLongText(t *testing.T) {
	t.Parallel()

	text := strings.Repeat(".", 1<<20-4) + " bob@corp.io " + strings.Repeat(".", 1<<20)
	res := scanBytes(t, []byte(text))
	require.Len(t, res.Findings, 1)
	require.Contains(t, res.Findings[0].Message, "holds 1 of class email")
	require.Equal(t, "byte 1048573", res.Findings[0].Location)
}

// The data sets and scripts of the test models hold reserved values only.
func TestTinychatDataIsClean(t *testing.T) {
	t.Parallel()

	for name, format := range map[string]string{"naive.jsonl": scan.FormatJSON, "canaries.json": scan.FormatJSON, "gen_data.py": scan.FormatPython, "README.md": scan.FormatText} {
		data, err := os.ReadFile(filepath.Join("../../testdata/models/tinychat", name))
		require.NoError(t, err)
		res := scanBytes(t, data)
		require.Equal(t, format, res.Format)
		require.Empty(t, res.Findings, name)
	}
}

var errDisk = errors.New("disk broke")

type brokenReader struct {
	io.ReaderAt
	from int64
}

func (b brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.from {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, off)
}

// A disk that breaks is an error, not a malformed file.
func TestReadErrors(t *testing.T) {
	t.Parallel()

	files := map[string][]byte{
		"gguf": ggufFile(t), "safetensors": safetensorsFile("{}", 0, -1), "zip": torchZip(t, evalP4), "pickle": []byte(evalP4),
		"text": []byte("hello"), "npy": npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", 16),
	}
	for name, data := range files {
		for _, from := range []int64{0, 1} {
			_, err := scan.File(brokenReader{bytes.NewReader(data), from}, int64(len(data)), name)
			if from == 1 && err == nil {
				continue // everything was read with the first bytes
			}
			require.ErrorIs(t, err, errDisk, name)
		}
	}
}

func TestManyFindingsAreCut(t *testing.T) {
	t.Parallel()

	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "cos\nsystem%d\n0", i)
	}
	res := scanBytes(t, []byte("\x80\x02"+many.String()+"N."))
	require.Len(t, res.Findings, 201)
	require.Contains(t, rules(res), "more-findings")
}

func TestResultIsPlainData(t *testing.T) {
	t.Parallel()

	res := scanBytes(t, ggufFile(t, gguf.Entry{Key: "general.name", Value: "\x1b<script>"}))
	raw, err := json.Marshal(res)
	require.NoError(t, err)
	var back scan.Result
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, res, back)
}
