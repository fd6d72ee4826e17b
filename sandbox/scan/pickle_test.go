package scan_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// Written by CPython's pickle module: eval("1") in every protocol, and an OrderedDict of many kinds of value.
const (
	evalP0 = "c__builtin__\neval\np0\n(V1\np1\ntp2\nRp3\n."
	evalP1 = "c__builtin__\neval\nq\x00(X\x01\x00\x00\x001q\x01tq\x02Rq\x03."
	evalP2 = "\x80\x02c__builtin__\neval\nq\x00X\x01\x00\x00\x001q\x01\x85q\x02Rq\x03."
	evalP3 = "\x80\x03cbuiltins\neval\nq\x00X\x01\x00\x00\x001q\x01\x85q\x02Rq\x03."
	evalP4 = "\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\bbuiltins\x94\x8c\x04eval\x94\x93\x94\x8c\x011\x94\x85\x94R\x94."
	evalP5 = "\x80\x05\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\bbuiltins\x94\x8c\x04eval\x94\x93\x94\x8c\x011\x94\x85\x94R\x94."
	dictP0 = "ccollections\nOrderedDict\np0\n(tRp1\nVa\np2\n(lp3\nI1\naVb\np4\naNas."
)

var (
	long   = strings.Repeat("x", 300)
	dictP2 = "\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00aq\x02]q\x03(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88X,\x01\x00\x00" + long +
		"q\x04c_codecs\nencode\nq\x05X\x01\x00\x00\x00bq\x06X\x06\x00\x00\x00latin1q\x07\x86q\bRq\tc__builtin__\nset\nq\n]q\vK\x03a\x85q\fRq\r(K\x01K\x02K\x03K\x04tq\x0eJ\xfb\xff\xff\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00@es."
	dictP5 = "\x80\x05\x95\xbe\x01\x00\x00\x00\x00\x00\x00\x8c\vcollections\x94\x8c\vOrderedDict\x94\x93\x94)R\x94\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00N\x88X,\x01\x00\x00" + long +
		"\x94C\x01b\x94\x8f\x94(K\x03\x90(K\x04\x91\x94(K\x01K\x02K\x03K\x04t\x94\x96\x01\x00\x00\x00\x00\x00\x00\x00q\x94\x8c\bdatetime\x94\x8c\x04date\x94\x93\x94C\x04\x07\xe4\x01\x01\x94\x85\x94R\x94J\xfb\xff\xff\xff\x8a\t\x00\x00\x00\x00\x00\x00\x00\x00@es."
)

func TestPickle(t *testing.T) {
	t.Parallel()

	global := []string{"pickle-global"}
	call := func(module, name string) string { return "\x80\x02c" + module + "\n" + name + "\n)R." }
	tests := map[string]struct {
		data  string
		rules []string
	}{
		"eval, protocol 0": {evalP0, global}, "eval, protocol 1": {evalP1, global}, "eval, protocol 2": {evalP2, global},
		"eval, protocol 3": {evalP3, global}, "eval, protocol 4": {evalP4, global}, "eval, protocol 5": {evalP5, global},
		"values, protocol 0": {dictP0, nil}, "values, protocol 2": {dictP2, nil}, "values, protocol 5": {dictP5, nil},

		// What block-lists were seen to miss.
		"import_module":                    {call("importlib", "import_module"), global},
		"marshal":                          {call("marshal", "loads"), global},
		"glob":                             {call("glob", "glob"), global},
		"linecache":                        {call("linecache", "getline"), global},
		"fileinput":                        {call("fileinput", "input"), global},
		"sqlite3":                          {call("sqlite3", "connect"), global},
		"ctypes.util":                      {call("ctypes.util", "find_library"), global},
		"getattr":                          {call("builtins", "getattr"), global},
		"numpy's own exec":                 {call("numpy.testing._private.utils", "runstring"), global},
		"torch loader":                     {call("torch.hub", "load"), global},
		"attribute of one that is allowed": {"\x80\x04\x8c\vcollections\x8c\x14OrderedDict.__init__\x93.", global},
		"submodule of one that is allowed": {call("collections.abc", "OrderedDict"), global},
		"other case":                       {call("Collections", "OrderedDict"), global},

		"INST":                       {"\x80\x02(ios\nsystem\n.", global},
		"INST takes its mark":        {"\x80\x02](ios\nsystem\na.", global},
		"OBJ":                        {"\x80\x02(cos\nsystem\no.", global},
		"NEWOBJ":                     {"\x80\x02cos\nsystem\n)\x81.", global},
		"name from the memo":         {"\x80\x04\x8c\x02os\x94\x8c\x06system\x940" + "0h\x00h\x01\x93.", global},
		"memo rewritten":             {"\x80\x04\x8c\vcollectionsq\x000\x8c\x02osq\x000\x8c\vOrderedDictq\x010h\x00h\x01\x93.", global},
		"name copied":                {"\x80\x04\x8c\x02os2\x93.", global},
		"name is computed":           {"\x80\x04K\x01\x8c\x06system\x93.", []string{"pickle-computed-global"}},
		"name with an escape":        {"\x80\x04V\\u006fs\n\x8c\x06system\x93.", global},
		"name is long":               {"\x80\x04X\x01\x01\x00\x00" + long[:257] + "\x8c\x06system\x93.", []string{"pickle-computed-global"}},
		"registered extension":       {"\x80\x02\x82\x01.", []string{"pickle-extension"}},
		"persistent id":              {"\x80\x02X\x01\x00\x00\x00aQ.", []string{"pickle-persistent-id"}},
		"import, then garbage":       {"\x80\x02cos\nsystem\n)R\xff", []string{"cannot-parse", "pickle-global"}},
		"no STOP":                    {"\x80\x02cos\nsystem\n", []string{"cannot-parse", "pickle-global"}},
		"length past the end":        {"\x80\x02B\xff\xff\xff\xffx.", []string{"cannot-parse"}},
		"length of 2^63":             {"\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x00\x80x.", []string{"cannot-parse"}},
		"stack is empty":             {"\x80\x020.", []string{"cannot-parse"}},
		"no mark":                    {"\x80\x02N1.", []string{"cannot-parse"}},
		"memo key twice spelled":     {"\x80\x02Np01\n.", []string{"cannot-parse"}},
		"memo key missing":           {"\x80\x02h\x07.", []string{"cannot-parse"}},
		"value below the mark":       {"\x80\x02N(R.", []string{"cannot-parse"}},
		"two pickles, second bad":    {dictP2 + evalP2, global},
		"bytes behind":               {dictP2 + "rest", []string{"cannot-parse"}},
		"line without end":           {"\x80\x02c" + strings.Repeat("a", 5000), []string{"cannot-parse"}},
		"stack over the limit":       {"\x80\x02" + strings.Repeat("N", 5<<20) + ".", []string{"cannot-parse"}},
		"zip archive behind":         {dictP2 + string(emptyZip), []string{"cannot-parse", "polyglot"}},
		"protocol of a time to come": {"\x80\x09N.", []string{"unknown-format"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, []byte(tt.data))
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
		})
	}
	for cut := 2; cut < len(dictP5)-1; cut++ {
		require.Equal(t, []string{"cannot-parse"}, rules(scanBytes(t, []byte(dictP5[:cut]))), cut)
	}
}

func writeZip(tb testing.TB, members ...[2]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m[0], Method: zip.Store})
		require.NoError(tb, err)
		_, err = f.Write([]byte(m[1]))
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	return b.Bytes()
}

func torchZip(tb testing.TB, pickle string) []byte {
	tb.Helper()
	return writeZip(tb, [2]string{"archive/data.pkl", pickle}, [2]string{"archive/data/0", strings.Repeat("\x00", 64)}, [2]string{"archive/version", "3\n"})
}

func TestArchives(t *testing.T) {
	t.Parallel()

	clean := torchZip(t, dictP2)
	array := string(npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", 16))
	keras := func(config string) []byte {
		return writeZip(t, [2]string{"config.json", config}, [2]string{"metadata.json", "{}"}, [2]string{"weights.txt", "x"})
	}
	wrongSum := bytes.Clone(torchZip(t, evalP2))
	sum := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(evalP2)))
	wrongSum = bytes.ReplaceAll(wrongSum, sum, []byte{1, 2, 3, 4})
	tests := map[string]struct {
		data   []byte
		format string
		rules  []string
	}{
		"torch":                    {clean, scan.FormatTorch, nil},
		"torch with code":          {torchZip(t, evalP4), scan.FormatTorch, []string{"pickle-global"}},
		"pickle with a false name": {writeZip(t, [2]string{"weights.txt", evalP4}), scan.FormatTorch, []string{"pickle-global", "wrong-extension"}},
		"old pickle in a member":   {writeZip(t, [2]string{"a/data", evalP0}), scan.FormatTorch, []string{"pickle-global"}},
		"wrong checksum":           {wrongSum, scan.FormatTorch, []string{"archive-checksum", "pickle-global"}},
		"path upwards":             {writeZip(t, [2]string{"../x.npy", array}), scan.FormatNPZ, []string{"archive-path"}},
		"absolute path":            {writeZip(t, [2]string{"/x.npy", array}), scan.FormatNPZ, []string{"archive-path"}},
		"path with backslashes":    {writeZip(t, [2]string{`..\x.npy`, array}), scan.FormatNPZ, []string{"archive-path"}},
		"name twice":               {writeZip(t, [2]string{"x.npy", array}, [2]string{"x.npy", array}), scan.FormatNPZ, []string{"archive-duplicate"}},
		"arrays":                   {writeZip(t, [2]string{"x.npy", array}, [2]string{"y.npy", array}), scan.FormatNPZ, nil},
		"array of objects":         {writeZip(t, [2]string{"x.npy", string(npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }\n", 16))}), scan.FormatNPZ, []string{"cannot-parse"}},
		"other archive":            {writeZip(t, [2]string{"readme", "hello"}), scan.FormatZip, nil},
		"empty archive":            {emptyZip, scan.FormatZip, []string{"unknown-format"}},
		"archive in it":            {writeZip(t, [2]string{"x.npy", string(clean)}), scan.FormatNPZ, []string{"wrong-extension"}},
		"program in it":            {writeZip(t, [2]string{"x.npy", "\x7fELF"}), scan.FormatNPZ, []string{"program"}},
		"bytes behind":             {append(bytes.Clone(clean), 1, 2, 3), scan.FormatZip, []string{"cannot-parse"}},
		"bytes before":             {append([]byte("PK\x03\x04"+strings.Repeat("x", 1<<17)), clean...), scan.FormatTorch, []string{"archive-hidden"}},
		"directory cut":            {clean[:len(clean)-30], scan.FormatZip, []string{"cannot-parse"}},
		"member called otherwise":  {bytes.Replace(bytes.Clone(clean), []byte("archive/data.pkl"), []byte("archive/safe.pkl"), 1), scan.FormatTorch, []string{"archive-mismatch"}},
		"keras":                    {keras(`{"module":"keras","class_name":"Sequential","config":{"layers":[{"class_name":"Dense","module":"keras.layers"}]}}`), scan.FormatKeras, nil},
		"keras, Lambda":            {keras(`{"config":{"layers":[{"class_name":"Lambda","module":"keras.layers"}]}}`), scan.FormatKeras, []string{"keras-lambda"}},
		"keras, other module":      {keras(`{"config":[{"class_name":"X","module":"os"}]}`), scan.FormatKeras, []string{"keras-module"}},
		"keras, function":          {keras(`{"class_name":"function","config":"system"}`), scan.FormatKeras, []string{"keras-function"}},
		"keras, not JSON":          {keras(`{`), scan.FormatKeras, []string{"cannot-parse"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, tt.data)
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
			require.Equal(t, tt.format, res.Format)
		})
	}
}

func TestArchiveBomb(t *testing.T) {
	t.Parallel()

	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("archive/data.pkl")
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 70<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Contains(t, rules(scanBytes(t, b.Bytes())), "archive-bomb")
}

func npyFile(header string, data int) []byte {
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
	return append(append(b, header...), make([]byte, data)...)
}

func TestNPY(t *testing.T) {
	t.Parallel()

	header := func(descr, shape string) string {
		return fmt.Sprintf("{'descr': %s, 'fortran_order': False, 'shape': (%s), }      \n", descr, shape)
	}
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"vector":              {npyFile(header("'<f4'", "4,"), 16), nil},
		"matrix":              {npyFile(header("'<f8'", "2, 3"), 48), nil},
		"number":              {npyFile(header("'|u1'", ""), 1), nil},
		"texts":               {npyFile(header("'<U3'", "2,"), 24), nil},
		"records":             {npyFile(header("[('a', '<f4')]", "2,"), 8), nil},
		"objects":             {npyFile(header("'|O'", "4,"), 16), []string{"cannot-parse"}},
		"objects in a record": {npyFile(header("[('a', '|O')]", "4,"), 16), []string{"cannot-parse"}},
		"too few bytes":       {npyFile(header("'<f4'", "4,"), 15), []string{"cannot-parse"}},
		"too many bytes":      {npyFile(header("'<f4'", "4,"), 17), []string{"cannot-parse"}},
		"shape overflows":     {npyFile(header("'<f4'", "4294967296, 4294967296"), 16), []string{"cannot-parse"}},
		"shape is code":       {npyFile(header("'<f4'", "exec('x')"), 16), []string{"cannot-parse"}},
		"type is unknown":     {npyFile(header("'zz'", "4,"), 16), []string{"cannot-parse"}},
		"other dictionary":    {npyFile("{'shape': (4,)}", 16), []string{"cannot-parse"}},
		"version 9":           {append([]byte("\x93NUMPY\x09\x00"), 0, 0), []string{"cannot-parse"}},
		"header cut":          {npyFile(header("'<f4'", "4,"), 0)[:20], []string{"cannot-parse"}},
		"header too long":     {append([]byte("\x93NUMPY\x02\x00"), 255, 255, 255, 255), []string{"cannot-parse"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, tt.data)
			require.Equal(t, scan.FormatNPY, res.Format)
			require.Equal(t, tt.rules, rules(res), "%v", res.Findings)
		})
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{evalP0, evalP1, evalP2, evalP4, dictP0, dictP2, dictP5, "GGUF\x03\x00\x00\x00", "{\"a\":1}", "bob@corp.io", "\x7fELF"} {
		f.Add([]byte(seed))
	}
	f.Add(ggufFile(f))
	f.Add(torchZip(f, dictP2))
	f.Add(safetensorsFile(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 16, -1))
	f.Add(npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", 16))
	f.Add(writeZip(f, [2]string{"config.json", `{"class_name":"Lambda"}`}, [2]string{"metadata.json", "{}"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		res, err := scan.File(bytes.NewReader(data), int64(len(data)), "fuzz")
		require.NoError(t, err)
		checkResult(t, res, int64(len(data)))
	})
}
