package scan_test

import (
	"archive/tar"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// A rawGGUF is a file that a writer would refuse to write.
type rawGGUF []byte

func headGGUF(version uint32, tensors, keys uint64) rawGGUF {
	return rawGGUF("GGUF").u32(version).u64(tensors, keys)
}

func (b rawGGUF) u32(v ...uint32) rawGGUF {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func (b rawGGUF) u64(v ...uint64) rawGGUF {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func (b rawGGUF) str(s string) rawGGUF { return append(b.u64(uint64(len(s))), s...) }

func (b rawGGUF) tensor(name string, kind gguf.Type, off uint64, dims ...uint64) rawGGUF {
	return b.str(name).u32(uint32(len(dims))).u64(dims...).u32(uint32(kind)).u64(off)
}

// data pads to 32 bytes and adds tensor data.
func (b rawGGUF) data(content string) rawGGUF {
	return append(append(b, make([]byte, (32-len(b)%32)%32)...), content...)
}

// A pattern is a malicious file that was described in public: where, what it is, and the rule that finds it.
type pattern struct{ source, what, name, rule, data string }

// publicGGUF are the patterns of GGUF files.
func publicGGUF(tb testing.TB) []pattern {
	tb.Helper()
	const bad, hyper, vocabulary = "cannot-parse", "gguf-hyperparameter", "gguf-tokenizer"
	head := func(tensors, keys uint64) rawGGUF { return headGGUF(3, tensors, keys) }
	key := func(name string) rawGGUF { return head(0, 1).str(name) }
	entries := func(e ...gguf.Entry) string { return string(ggufFile(tb, e...)) }
	one := func(name string, value any) string { return entries(gguf.Entry{Key: name, Value: value}) }
	tokens := func(name string, value any) string {
		return entries(gguf.Entry{Key: "tokenizer.ggml.tokens", Value: []string{"a", "b", "ab"}}, gguf.Entry{Key: "tokenizer.ggml." + name, Value: value})
	}
	zeros := strings.Repeat("\x00", 64)
	list := []pattern{
		{"CVE-2024-21825", "2^63 keys", "", bad, string(head(0, 1<<63))},
		{"CVE-2024-21836", "2^64-1 keys", "", bad, string(head(0, math.MaxUint64))},
		{"CVE-2024-23496", "2^63 tensors", "", bad, string(head(1<<63, 0))},
		{"CVE-2024-21802", "more tensors than bytes", "", bad, string(head(1000, 0))},
		{"CVE-2024-23605", "a text of 2^63 bytes", "", bad, string(key("a").u32(8).u64(1 << 63))},
		{"llama.cpp #15711", "tensors whose descriptions wrap to a small size", "", bad, string(head(math.MaxUint64/33+2, 0))},
		{"llama.cpp PR 18674", "a dimension whose product with its stride wraps to 0", "", bad, string(head(1, 0).tensor("t", gguf.F32, 0, 1<<42+1, 1<<42+1).data(zeros))},
		{"llama.cpp PR 14595", "sizes of tensors whose sum wraps", "", bad, string(head(2, 0).tensor("s", gguf.F32, 0, 1<<61).tensor("t", gguf.F32, 32, 1<<61).data(zeros))},
		{"gguf-py PR 27188", "a list of 2^62 in 43 bytes", "", bad, string(key("a").u32(9, 4).u64(1 << 62))},
		{"gguf-py PR 27188", "a list of lists", "", bad, string(key("a").u32(9, 9).u64(1).u32(9, 9).u64(1))},
		{"ggml PR 709", "five dimensions", "", bad, string(head(1, 0).tensor("t", gguf.F32, 0, 1, 1, 1, 1, 1).data(zeros))},
		{"gguf-tools #25", "nine dimensions", "", bad, string(head(1, 0).tensor("t", gguf.F32, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1).data(zeros))},
		{"ggml PR 709", "an unknown type of tensor", "", bad, string(head(1, 0).tensor("t", 4000, 0, 32).data(zeros))},
		{"llama.cpp PR 19856", "type -1", "", bad, string(head(1, 0).tensor("t", math.MaxUint32, 0, 32).data(zeros))},
		{"CVE-2025-0317", "alignment 0", "", bad, string(key("general.alignment").u32(4, 0))},
		{"CVE-2025-0317", "alignment 48", "", bad, string(key("general.alignment").u32(4, 48))},
		{"llama.cpp PR 26318", "alignment of another type", "", bad, string(key("general.alignment").u32(10).u64(32))},
		{"CVE-2024-8063", "the number of layers as a text", "", hyper, one("llama.block_count", "32")},
		{"ollama #7802", "no layers", "", hyper, one("llama.block_count", uint32(0))},
		{"llama.cpp PR 25821", "513 layers", "", hyper, one("llama.block_count", uint32(513))},
		{"llama.cpp PR 25821", "2^32-1 layers", "", hyper, one("llama.block_count", uint32(math.MaxUint32))},
		{"CVE-2024-8063", "no heads", "", hyper, one("llama.attention.head_count", uint32(0))},
		{"CVE-2026-7482", "a tensor that ends past the file", "", bad, string(head(1, 0).tensor("t", gguf.F32, 0, 1<<20).data(zeros))},
		{"CVE-2024-12055", "a tensor that begins past the file", "", bad, string(head(1, 0).tensor("t", gguf.F32, 1<<20, 4).data(zeros))},
		{"GGUF layout", "tensors that overlap", "", bad, string(head(2, 0).tensor("s", gguf.F32, 32, 4).tensor("t", gguf.F32, 0, 9).data(zeros))},
		{"GGUF layout", "an offset that is not aligned", "", bad, string(head(1, 0).tensor("t", gguf.F32, 4, 4).data(zeros))},
		{"GGUF layout", "bytes between tensors", "", "gap", string(head(2, 0).tensor("s", gguf.F32, 0, 4).tensor("t", gguf.F32, 128, 4).data(strings.Repeat(zeros, 3)))},
		{"GGUF layout", "bytes behind the tensors", "", "trailing-bytes", string(head(1, 0).tensor("t", gguf.F32, 0, 4).data(zeros + zeros))},
		{"GGUF layout", "a zip archive behind", "", "polyglot", entries() + string(emptyZip)},
		{"llama.cpp PR 26690", "scores of another type", "", vocabulary, tokens("scores", []int32{1, 2, 3})},
		{"llama.cpp PR 26690", "fewer scores than tokens", "", vocabulary, tokens("scores", []float32{1})},
		{"GGUF vocabulary", "a merge of a token that is not there", "", vocabulary, tokens("merges", []string{"a b", "a c"})},
		{"GGUF vocabulary", "a merge to a token that is not there", "", vocabulary, tokens("merges", []string{"b a"})},
		{"GGUF vocabulary", "a special token past the vocabulary", "", vocabulary, tokens("eos_token_id", uint32(3))},
		{"GHSA-7rxv-5jhh-j6xx", "2^31 tokens", "", bad, string(key("tokenizer.ggml.tokens").u32(9, 8).u64(1 << 31))},
		{"GGUF names", "a key twice", "", bad, string(head(0, 2).str("a").u32(4, 1).str("a").u32(4, 1))},
		{"GGUF names", "a tensor twice", "", bad, string(head(2, 0).tensor("t", gguf.F32, 0, 4).tensor("t", gguf.F32, 32, 4).data(zeros))},
		{"GGUF names", "a zero byte", "", bad, string(head(1, 0).tensor("a\x00", gguf.F32, 0, 4).data(zeros))},
		{"GGUF names", "escapes for a terminal", "", bad, string(key("\x1b[2J").u32(4, 1))},
		{"GGUF names", "bytes that are no text", "", bad, string(key("a\xffb").u32(4, 1))},
		{"GGUF names", "65 bytes", "", bad, string(head(1, 0).tensor(strings.Repeat("n", 65), gguf.F32, 0, 4).data(zeros))},
		{"GGUF versions", "four bytes", "", bad, "GGUF"},
		{"GGUF versions", "big-endian", "", bad, string(headGGUF(0x03000000, 0, 0))},
		{"GGUF blocks", "a row of no whole blocks", "", bad, string(head(1, 0).tensor("t", gguf.Q8_0, 0, 33).data(zeros))},
		{"GGUF blocks", "a dimension of 0", "", bad, string(head(1, 0).tensor("t", gguf.F32, 0, 4, 0).data(zeros))},
		{"GGUF blocks", "a scale that is no number", "", "tensor-not-finite", string(head(1, 0).tensor("t", gguf.Q8_0, 0, 32).data("\x01\x7e" + zeros[:62]))},
		{"GGUF blocks", "an infinite scale", "", "tensor-not-finite", string(head(1, 0).tensor("t", gguf.Q4_K, 0, 256).data("\x00\x3c\x00\x7c" + strings.Repeat("\x00", 156)))},
		{"GGUF blocks", "a block of ones", "", "tensor-not-finite", string(head(1, 0).tensor("t", gguf.Q8_0, 0, 32).data(strings.Repeat("\xff", 34) + zeros[:30]))},
		{"GGUF splits", "part 2 of 2, from 0", "", "gguf-split", entries(gguf.Entry{Key: "split.no", Value: uint32(2)}, gguf.Entry{Key: "split.count", Value: uint32(2)})},
		{"GGUF splits", "a path upwards", "", "metadata-path", one("split.name", "../../etc/passwd")},
		{"GGUF numbers", "no context", "", hyper, one("llama.context_length", uint32(0))},
		{"GGUF numbers", "a context of 2^31", "", hyper, one("llama.context_length", uint32(1<<31))},
		{"GGUF numbers", "a base that is no number", "", hyper, one("llama.rope.freq_base", float32(math.NaN()))},
		{"GGUF numbers", "more experts than there are", "", hyper, entries(gguf.Entry{Key: "llama.expert_count", Value: uint32(2)}, gguf.Entry{Key: "llama.expert_used_count", Value: uint32(3)})},
	}
	for _, version := range []uint32{0, 1, 4} {
		list = append(list, pattern{"GGUF versions", fmt.Sprintf("version %d", version), "", bad, string(headGGUF(version, 0, 0))})
	}
	return list
}

// publicPickles are the patterns of pickles and of the archives around them.
func publicPickles(tb testing.TB) []pattern {
	tb.Helper()
	const found, bad = "pickle-global", "cannot-parse"
	call := func(module, name string) string { return "\x80\x02c" + module + "\n" + name + "\n)R." }
	wrongSum := torchZip(tb, evalP2)
	for i := range len(wrongSum) - 4 { // both headers of the first member
		if mark := string(wrongSum[i : i+4]); mark == "PK\x03\x04" {
			copy(wrongSum[i+14:], "\x01\x02\x03\x04")
			break
		}
	}
	list := []pattern{
		{"picklescan #13", "INST", "", found, "\x80\x02(ios\nsystem\n."},
		{"picklescan #14", "a memo entry that is written twice", "", found, "\x80\x04\x8c\vcollectionsq\x000\x8c\x02osq\x000\x8c\vOrderedDictq\x010h\x00h\x01\x93."},
		{"picklescan #66", "a callable that no block-list has", "", found, call("pip._internal.cli.main", "main")},
		{"picklescan #74", "a module below one that is blocked", "", found, call("torch.utils.bottleneck.__main__", "run_cprofile")},
		{"CVE-2025-10155", "a pickle under another extension", "model.bin.txt", found, evalP4},
		{"CVE-2025-10156", "a checksum that is wrong", "model.pt", found, string(wrongSum)},
		{"CVE-2025-10157", "a class below one that is blocked", "", found, call("asyncio.unix_events", "_UnixSubprocessTransport._start")},
		{"CVE-2025-32434", "code in the storages of the first torch format", "model.pt", found, string(tarFile(tb, &tar.Header{Name: "storages", Size: int64(len(evalP2))}, evalP2))},
		{"pickle reader", "code, then garbage", "", bad, "\x80\x02cos\nsystem\n)R\xff"},
		{"7z archive", "an archive that a scanner does not open", "model.7z", bad, "7z\xbc\xaf\x27\x1c"},
		{"npy", "an array of objects", "x.npy", found, string(npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", 0)) + evalP2},
		{"CVE-2024-45436", "a member outside of the directory", "model.zip", "archive-path", string(writeZip(tb, [2]string{"../../x.npy", "x"}))},
	}
	for _, c := range [][2]string{{"importlib", "import_module"}, {"marshal", "loads"}, {"glob", "glob"}, {"linecache", "getline"}, {"fileinput", "input"}, {"sqlite3", "connect"}, {"ctypes.util", "find_library"}} {
		list = append(list, pattern{"calls that picklescan passed", c[0] + "." + c[1], "", found, call(c[0], c[1])})
	}
	return list
}

// publicOthers are the patterns of templates, safetensors, Keras and ONNX.
func publicOthers(tb testing.TB) []pattern {
	tb.Helper()
	const bad, template = "cannot-parse", "template-forbidden"
	tensor := func(offsets string) string {
		return `{"a":{"dtype":"U8","shape":[8],"data_offsets":` + offsets + `}}`
	}
	safe := func(header string, data int, n int64) string { return string(safetensorsFile(header, data, n)) }
	keras := func(body string) string {
		return string(kerasZip(tb, `{"module":"keras","class_name":"Sequential","config":{"layers":[`+body+`]},"registered_name":null}`))
	}
	external := func(location string) string {
		return string(onnxWith(pb{}.msg(5, onnxTensor([]uint64{4}, 1).num(14, 1).msg(13, onnxEntry("location", location)))))
	}
	return []pattern{
		{"CVE-2024-34359", "a template that reaches for objects", "x.jinja", template, "{{ ().__class__.__base__.__subclasses__()[104] }}"},
		{"CVE-2026-5760", "a template that reaches for globals", "x.jinja", template, "{{ lipsum.__globals__['os'].popen('id').read() }}"},
		{"chat templates", "a text doubled without end", "x.jinja", "template-bomb", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"},
		{"chat templates", "a text times 2^30", "x.jinja", "template-bomb", "{{ 'x' * 1073741824 }}"},
		{"chat templates", "loops in loops", "x.jinja", "template-bomb", strings.Repeat("{% for a in range(99999) %}", 4) + strings.Repeat("{% endfor %}", 4)},
		{"chat templates", "a macro that calls itself", "x.jinja", "template-bomb", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
		{"safetensors reader", "a header of 2^64-1 bytes", "", bad, safe("{}", 0, -1)[:0] + string(binary.LittleEndian.AppendUint64(nil, math.MaxUint64)) + "{}"},
		{"safetensors reader", "a header past the file", "", bad, safe(tensor("[0,8]"), 8, 1<<20)},
		{"safetensors reader", "a name twice", "", bad, safe(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0, -1)},
		{"safetensors reader", "offsets that are inverted", "", bad, safe(tensor("[8,0]"), 8, -1)},
		{"safetensors reader", "offsets with a gap", "", bad, safe(tensor("[8,16]"), 16, -1)},
		{"safetensors reader", "offsets that do not fit the shape", "", bad, safe(tensor("[0,9]"), 9, -1)},
		{"safetensors reader", "a shape that overflows", "", bad, safe(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0, -1)},
		{"openasr PR 73, modelaudit PR 1612", "a length that begins a pickle", "", "polyglot", pickleLength()},
		{"CVE-2024-3660", "a Lambda layer", "x.keras", "keras-lambda", keras(`{"module":"keras.layers","class_name":"Lambda","config":{}}`)},
		{"CVE-2025-9905", "a Lambda layer in HDF5", "x.h5", "keras-lambda", string(readTestdata(tb, "hostile/lambda.h5"))},
		{"CVE-2025-1550", "a function of another module", "x.keras", "keras-function", keras(`{"module":"os","class_name":"function","config":"system","registered_name":"system"}`)},
		{"CVE-2025-8747", "get_file", "x.keras", "keras-function", keras(`{"module":"keras.utils","class_name":"get_file","config":{"origin":"http://x"},"registered_name":null}`)},
		{"CVE-2025-9906", "the switch for unsafe objects", "x.keras", "keras-function", keras(`{"module":"keras.config","class_name":"enable_unsafe_deserialization","config":{}}`)},
		{"CVE-2024-27318", "external data of a parent directory", "x.onnx", "onnx-external-path", external("../../etc/passwd")},
		{"CVE-2022-25882", "external data of an absolute path", "x.onnx", "onnx-external-path", external("/etc/passwd")},
		{"ONNX custom operators", "an operator that runs Python", "x.onnx", "onnx-custom-operator", string(onnxWith(pb{}.msg(1, onnxNode("ai.onnx.contrib", "PyOp"))))},
	}
}

// pickleLength is a safetensors file whose first bytes run as a pickle, see TestSafetensorsAndPickle.
func pickleLength() string {
	n := 0x8c | 0x20<<8
	header := `{"` + strings.Repeat("a", 24) + `.":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`
	return string(safetensorsFile(header+strings.Repeat(" ", n-len(header)), 1, -1))
}

// Every malicious pattern that the sources above describe is found, under the rule that says what it is, and none of the
// files is safe, except for those that break nothing and are only worth a note.
func TestPublicPatterns(t *testing.T) {
	t.Parallel()

	list := append(append(publicGGUF(t), publicPickles(t)...), publicOthers(t)...)
	require.GreaterOrEqual(t, len(list), 95)
	for _, p := range list {
		t.Run(p.source+": "+p.what, func(t *testing.T) {
			t.Parallel()

			name := p.name
			if name == "" {
				name = "file"
			}
			res := scanNamed(t, name, p.data)
			require.Contains(t, rules(res), p.rule, "%v", res.Findings)
			if p.rule != "gap" {
				require.NotEqual(t, scan.Safe, scan.Judge("p", res.Format, res.Findings).Verdict)
			}
		})
	}
}
