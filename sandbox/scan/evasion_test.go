package scan_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// A small assembler of pickles.
func global(module, name string) string { return "c" + module + "\n" + name + "\n" }

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func stackGlobal(module, name string) string {
	return text(module) + text(name) + "\x93"
}
func tuple(items ...string) string        { return "(" + strings.Join(items, "") + "t" }
func dict(pairs ...string) string         { return "}(" + strings.Join(pairs, "") + "u" }
func reduce(callable, args string) string { return callable + args + "R" }
func newObj(class string) string          { return class + ")\x81" }
func build(object, state string) string   { return object + state + "b" }
func asPickle(body string) string         { return "\x80\x04" + body + "." }

type evasion struct{ name, rule, data string }

// evasions try to get past an allow-list of globals: each would run code, change the loading process or exhaust it.
func evasions() []evasion {
	od := global("collections", "OrderedDict")
	system := global("os", "system")
	array := global("numpy.core.multiarray", "_reconstruct")
	nd := global("numpy", "ndarray")
	linear := global("torch.nn.modules.linear", "Linear")
	list := []evasion{
		{"import by a callable of the list's own module", "pickle-global", reduce(global("numpy", "load"), tuple(text("x"), "N", "\x88"))},
		{"nested loader", "pickle-global", reduce(global("pickle", "loads"), tuple("C\x01."))},
		{"torch.load", "pickle-global", reduce(global("torch", "load"), tuple(text("x")))},
		{"joblib.load", "pickle-global", reduce(global("joblib", "load"), tuple(text("x")))},
		{"partial", "pickle-global", reduce(global("functools", "partial"), tuple(system))},
		{"attrgetter", "pickle-global", reduce(global("operator", "attrgetter"), tuple(text("system")))},
		{"methodcaller", "pickle-global", reduce(global("operator", "methodcaller"), tuple(text("system"), text("id")))},
		{"reduce of functools", "pickle-global", reduce(global("functools", "reduce"), tuple(od, "]"))},
		{"map", "pickle-global", reduce(global("builtins", "map"), tuple(od, "]"))},
		{"type", "pickle-global", reduce(global("builtins", "type"), tuple(text("X"), ")", "}"))},
		{"ufunc by name", "pickle-global", reduce(global("numpy.core", "_ufunc_reconstruct"), tuple(text("os"), text("system")))},
		{"import by dill", "pickle-global", reduce(global("dill._dill", "_import_module"), tuple(text("os.system")))},
		{"type by dill", "pickle-call", reduce(global("dill._dill", "_load_type"), tuple(text("CodeType")))},
		{"evaluation by dill", "pickle-call", reduce(global("dill._dill", "_eval_repr"), tuple(text("__import__('os').system('id')")))},
		{"evaluation by dill behind a range", "pickle-call", reduce(global("dill._dill", "_eval_repr"), tuple(text("range(0, 3) or exit()")))},
		{"function by cloudpickle", "pickle-global", reduce(global("cloudpickle.cloudpickle", "_make_function"), ")")},
		{"attribute of an allowed class", "pickle-global", stackGlobal("collections", "OrderedDict.fromkeys")},
		{"module through an allowed one", "pickle-global", stackGlobal("collections", "_sys.modules")},
		{"module through torch", "pickle-global", stackGlobal("torch", "serialization.os.system")},
		{"module and name with a line break", "pickle-global", stackGlobal("numpy\ndtype", "x")},
		{"name with a zero", "pickle-global", stackGlobal("collections", "OrderedDict\x00")},
		{"name in another script", "pickle-global", stackGlobal("collections", "ОrderedDict")},
		{"empty name", "pickle-global", stackGlobal("collections", "")},
		{"name made by a call", "pickle-computed-global", text("os") + reduce(global("builtins", "str"), tuple(text("system"))) + "\x93"},
		{"name out of bytes", "pickle-computed-global", text("os") + "C\x06system" + "\x93"},
		{"call of what a call returns", "pickle-computed-call", reduce(reduce(od, ")"), ")")},
		{"call of what the memo holds", "pickle-global", system + "\x940h\x00" + tuple(text("id")) + "R"},
		{"memo entry overwritten", "pickle-global", od + "q\x000" + system + "q\x000h\x00" + tuple(text("id")) + "R"},
		{"call of a copied global", "pickle-global", system + "20" + tuple(text("id")) + "R"},
		{"INST", "pickle-global", "(" + text("id") + "ios\nsystem\n"},
		{"OBJ", "pickle-global", "(" + system + text("id") + "o"},
		{"NEWOBJ_EX", "pickle-global", system + tuple(text("id")) + "}\x92"},
		{"class that may only be named is called", "pickle-call", reduce(nd, tuple("K\x01"))},
		{"estimator is called", "pickle-call", reduce(global("sklearn.svm._classes", "SVC"), ")")},
		{"function is an object's class", "pickle-call", newObj(array)},
		{"default dictionary that imports", "pickle-global", reduce(global("collections", "defaultdict"), tuple(system))},
		{"default dictionary with a helper", "pickle-call", reduce(global("collections", "defaultdict"), tuple(global("torch.storage", "_load_from_bytes")))},
		{"generator with a constructor of its own", "pickle-call", reduce(global("numpy.random._pickle", "__generator_ctor"), tuple(text("x"), global("torch.storage", "_load_from_bytes")))},
		{"tensor type rebuilt by another function", "pickle-global", reduce(global("torch._tensor", "_rebuild_from_type_v2"), tuple(system, global("torch", "Tensor"), tuple(text("id")), "}"))},
		{"tensor type rebuilt with a special state", "pickle-build", reduce(global("torch._tensor", "_rebuild_from_type_v2"), tuple(global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"), ")", dict(text("__class__"), "N")))},
		{"reconstructor of a class that is a function", "pickle-call", reduce(global("copyreg", "_reconstructor"), tuple(array, global("builtins", "object"), "N"))},
		{"reconstructor with a base of its own", "pickle-call", reduce(global("copyreg", "_reconstructor"), tuple(linear, global("numpy", "ndarray"), "N"))},
		{"class attribute through BUILD", "pickle-build", build(od, dict(text("get"), system))},
		{"slots of a class", "pickle-build", build(global("torch.nn.modules.linear", "Linear"), tuple("N", dict(text("forward"), "N")))},
		{"special method through BUILD", "pickle-build", build(newObj(linear), dict(text("__setstate__"), od))},
		{"special method through slots", "pickle-build", build(newObj(linear), tuple("N", dict(text("__class__"), od)))},
		{"special method through DICT", "pickle-build", build(newObj(linear), "("+text("__reduce__")+od+"d")},
		{"special method through SETITEM", "pickle-build", build(newObj(linear), "}"+text("__call__")+od+"s")},
		{"special method named by a call", "pickle-build", build(newObj(linear), "}("+reduce(global("builtins", "str"), tuple(text("__setstate__")))+od+"u")},
		{"state made of pairs", "pickle-build", build(newObj(linear), reduce(od, tuple("]("+tuple(text("__setstate__"), od)+"e")))},
		{"item of a class", "pickle-build", od + text("x") + "Ns"},
		{"items appended to a class", "pickle-build", global("collections", "deque") + "(K\x01e"},
		{"bytes that are a file of their own", "pickle-global", reduce(global("torch.storage", "_load_from_bytes"), tuple("B"+string(binary.LittleEndian.AppendUint32(nil, uint32(len(evalP2))))+evalP2))},
		{"the same computed", "pickle-call", reduce(global("torch.storage", "_load_from_bytes"), tuple(reduce(global("builtins", "bytes"), ")")))},
		{"codec that imports a module", "pickle-call", reduce(global("_codecs", "encode"), tuple(text("x"), text("evil")))},
		{"codec of bytearray", "pickle-call", reduce(global("builtins", "bytearray"), tuple(text("x"), text("evil")))},
		{"memory", "pickle-call", reduce(global("builtins", "bytearray"), tuple("\x8a\x06\x00\x00\x00\x00\x00\x01"))},
		{"endless range", "pickle-bomb", reduce(global("builtins", "list"), tuple(reduce(global("builtins", "range"), tuple("\x8a\x06\x00\x00\x00\x00\x00\x01"))))},
		{"array of petabytes", "pickle-call", reduce(array, tuple(nd, tuple("\x8a\x06\x00\x00\x00\x00\x00\x01"), "C\x01b"))},
		{"power of ten", "pickle-call", reduce(global("fractions", "Fraction"), tuple(text("1e999999999")))},
		{"persistent id with a path", "pickle-persistent-id", text("/etc/passwd") + "Q"},
		{"extension code of two bytes", "pickle-extension", "\x83\x01\x00)R"},
		{"memo of four billion", "cannot-parse", "Nr\xff\xff\xff\xff"},
		{"pandas index of another class", "pickle-call", reduce(global("pandas.core.indexes.base", "_new_Index"), tuple(global("pathlib", "Path"), "}"))},
		{"wrapper class of another library", "pickle-call", reduce(global("torch._utils", "_rebuild_wrapper_subclass"), tuple(global("pathlib", "Path")))},
	}
	for i := range list {
		list[i].data = asPickle(list[i].data)
	}
	// Those that are more than one well-formed pickle.
	return append(list,
		evasion{"second pickle of protocol 0", "pickle-global", asPickle("N") + "cos\nsystem\n(S'id'\ntR."},
		evasion{"code, then garbage", "pickle-global", "\x80\x04" + reduce(system, tuple(text("id"))) + "\xff\xff"},
		evasion{"code, then the end of the file", "pickle-global", "\x80\x04" + reduce(system, tuple(text("id")))},
		evasion{"code, then an empty stack", "pickle-global", "\x80\x04" + reduce(system, tuple(text("id"))) + "0000."},
		evasion{"text of protocol 0 before the code", "pickle-global", "(lp0\n" + strings.Repeat("I1\na", 40000) + "cos\nsystem\n(S'id'\ntRa."},
		evasion{"escape in a STRING", "pickle-global", asPickle("S'o\\x73'\nS'system'\n\x93")},
		evasion{"escape in a UNICODE", "pickle-global", asPickle("Vo\\u0073\nVsyste\\u006d\n\x93")},
	)
}

func TestEvasions(t *testing.T) {
	t.Parallel()

	list := evasions()
	require.GreaterOrEqual(t, len(list), 60)
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()

			require.Contains(t, rules(scanBytes(t, []byte(e.data))), e.rule)
			for _, wrapped := range [][]byte{[]byte(e.data), torchZip(t, e.data), gzipped(t, []byte(e.data)), tarFile(t, &tar.Header{Name: "x", Size: int64(len(e.data))}, e.data)} {
				res := scanBytes(t, wrapped)
				require.NotEqual(t, scan.Safe, scan.Judge("p", res.Format, res.Findings).Verdict)
			}
		})
	}
}

type trick struct {
	name, rule string
	data       []byte
}

// patched changes bytes behind the first mark.
func patched(data []byte, mark string, at int, to ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[bytes.Index(data, []byte(mark))+at:], to)
	return data
}

// zipTricks are archives that two readers see differently.
func zipTricks(tb testing.TB) []trick {
	tb.Helper()
	clean := torchZip(tb, dictP2)
	local, central, end := "PK\x03\x04", "PK\x01\x02", "PK\x05\x06"
	hidden := writeZip(tb, [2]string{"archive/data.pkl", evalP2})
	hidden = hidden[:bytes.Index(hidden, []byte(central))]
	comment := append(bytes.Clone(clean), emptyZip...)
	comment = patched(comment, end, 20, byte(len(emptyZip)))
	return []trick{
		{"encrypted in the directory", "archive-mismatch", patched(clean, central, 8, 1)},
		{"encrypted in the member", "archive-mismatch", patched(clean, local, 6, 1)},
		{"encrypted in both", "archive-encrypted", patched(patched(clean, central, 8, 1|8), local, 6, 1|8)},
		{"other checksum in the member", "archive-mismatch", patched(patched(clean, local, 6, 0, 0), local, 14, 1, 2, 3, 4)},
		{"other checksum in the directory", "archive-checksum", patched(clean, central, 16, 1, 2, 3, 4)},
		{"other method in the member", "archive-mismatch", patched(clean, local, 8, 8)},
		{"other name in the member", "archive-mismatch", patched(clean, local, 30, 'A')},
		{"place of another member", "cannot-parse", patched(clean, central, 42, 0x3f)},
		{"member outside of the file", "cannot-parse", patched(clean, central, 42, 0xff, 0xff, 0xff, 0x7f)},
		{"more members than it says", "cannot-parse", patched(clean, end, 8, 2, 0, 2, 0)},
		{"fewer members than it says", "cannot-parse", patched(clean, end, 8, 9, 0, 9, 0)},
		{"several disks", "cannot-parse", patched(clean, end, 4, 1)},
		{"64-bit directory that is not there", "cannot-parse", patched(clean, end, 8, 0xff, 0xff, 0xff, 0xff)},
		{"archive in the comment", "archive-hidden", comment},
		{"member that the directory does not list", "archive-hidden", slices.Concat(hidden, clean)},
		{"bytes before", "polyglot", slices.Concat([]byte("PK\x05\x06 hello"), clean)},
		{"name in another case", "archive-duplicate", writeZip(tb, [2]string{"a/data.pkl", dictP2}, [2]string{"a/DATA.pkl", dictP2})},
		{"name with a backslash", "archive-duplicate", writeZip(tb, [2]string{"a/data.pkl", dictP2}, [2]string{`a\data.pkl`, dictP2})},
		{"pickle as tensor data", "pickle-global", writeZip(tb, [2]string{"a/data.pkl", dictP2}, [2]string{"a/data/0", evalP4})},
		{"archive in an archive", "pickle-global", writeZip(tb, [2]string{"x.zip", string(torchZip(tb, evalP4))})},
		{"tensor data shorter than the pickle says", "torch-storage", writeZip(tb, [2]string{"a/data.pkl", asPickle(tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), "M\x00\x10") + "Q")}, [2]string{"a/data/0", strings.Repeat("x", 64)})},
		{"symbolic link", "archive-link", patched(patched(clean, central, 5, 3), central, 40, 0xff, 0xa1)},
	}
}

func TestZipTricks(t *testing.T) {
	t.Parallel()

	for _, e := range zipTricks(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, e.data)
			require.Contains(t, rules(res), e.rule, "%v", res.Findings)
			require.NotEqual(t, scan.Safe, scan.Judge("p", res.Format, res.Findings).Verdict)
		})
	}
}

func TestTarMembers(t *testing.T) {
	t.Parallel()

	size := func(s string) int64 { return int64(len(s)) }
	first := tarFile(t, &tar.Header{Name: "a.pkl", Size: size(dictP2)}, dictP2)
	storage := asPickle("K\x01") + asPickle(tuple(text("0"), text("cpu"), global("torch", "FloatStorage"))) + "\x02\x00\x00\x00\x00\x00\x00\x0012345678"
	tests := map[string]struct {
		data []byte
		rule string
	}{
		"clean":                {first, ""},
		"pickle":               {tarFile(t, &tar.Header{Name: "pickle", Size: size(evalP2)}, evalP2), "pickle-global"},
		"first torch format":   {tarFile(t, &tar.Header{Name: "storages", Size: size(storage)}, storage), ""},
		"code in its storages": {tarFile(t, &tar.Header{Name: "storages", Size: size(evalP2)}, evalP2), "pickle-global"},
		"symbolic link":        {tarFile(t, &tar.Header{Name: "x", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, ""), "archive-link"},
		"hard link":            {tarFile(t, &tar.Header{Name: "x", Typeflag: tar.TypeLink, Linkname: "y"}, ""), "archive-link"},
		"device":               {tarFile(t, &tar.Header{Name: "x", Typeflag: tar.TypeChar}, ""), "archive-link"},
		"pipe":                 {tarFile(t, &tar.Header{Name: "x", Typeflag: tar.TypeFifo}, ""), "archive-link"},
		"path upwards":         {tarFile(t, &tar.Header{Name: "../x.pkl", Size: size(dictP2)}, dictP2), "archive-path"},
		"absolute path":        {tarFile(t, &tar.Header{Name: "/x.pkl", Size: size(dictP2)}, dictP2), "archive-path"},
		"record of its own":    {tarFile(t, &tar.Header{Name: "x.pkl", Size: size(dictP2), PAXRecords: map[string]string{"HALLMARK.x": "1"}}, dictP2), "archive-mismatch"},
		"archive behind":       {append(bytes.Clone(first), first...), "polyglot"},
		"name twice":           {append(first[:len(first)-1024:len(first)-1024], first...), "archive-duplicate"},
		"cut":                  {first[:600], "cannot-parse"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, tt.data)
			require.Equal(t, scan.FormatTar, res.Format)
			if tt.rule == "" {
				require.Empty(t, slices.DeleteFunc(res.Findings, func(f hallmark.Finding) bool { return f.Severity == hallmark.SeverityInfo }))
				return
			}
			require.Contains(t, rules(res), tt.rule, "%v", res.Findings)
		})
	}
}

// The files of testdata/pickles were written by the usual writers, see make_pickles.py.
func TestOrdinaryPicklesAreSafe(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("testdata/pickles/*")
	require.NoError(t, err)
	require.Len(t, files, 40)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		res, err := scan.File(bytes.NewReader(data), int64(len(data)), filepath.Base(file))
		require.NoError(t, err)
		require.Empty(t, res.Findings, file)
		checkResult(t, res, int64(len(data)))
	}
}
