package scan_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// A flood is a file that is made to cost more than its size, for a number of parts. Its cost is counted in bytes read and
// bytes allocated, which do not depend on the machine.
type flood struct {
	name string
	file func(n int) []byte
}

func floods(tb testing.TB) map[string]flood {
	tb.Helper()
	text := func(name, part string) flood {
		return flood{name, func(n int) []byte { return []byte(strings.Repeat(part, n)) }}
	}
	around := func(name, before, part, after string) flood {
		return flood{name, func(n int) []byte { return []byte(before + strings.Repeat(part, n) + after) }}
	}
	return map[string]flood{
		"fetches without a pipe":    text("run.sh", "curl "),
		"pipes without a fetch":     text("run.sh", "| sh "),
		"listeners without a shell": text("run.sh", "nc -l "),
		"removes nothing":           text("run.sh", "rm -"),
		"sources of packages":       text("requirements.txt", "--index-url "),
		"formats in a format":       around("x.py", "x = f'''", "{f\"{f'{", "'''"),
		"braces":                    around("x.py", "x = f'", "{{", "'"),
		"brackets":                  text("x.py", "(["),
		"imports":                   text("x.py", ";import a.b as c,"),
		"imports of all":            text("x.py", ";from os import *"),
		"names with dots":           text("x.py", "a.b."),
		"blocks in blocks":          {"x.py", func(n int) []byte { return []byte(steps(n)) }},
		"quotes":                    text("x.py", "''''''"),
		"encoded texts":             around("x.py", "", "'"+strings.Repeat("A", 600)+"!'\n", ""),
		"calls of getattr":          text("x.py", "getattr(getattr("),
		"cells":                     around("x.ipynb", `{"cells":[`, `{"cell_type":"code","source":"x?"},`, `{}]}`),
		"lines of a cell":           around("x.ipynb", `{"cells":[{"cell_type":"code","source":"`, `\n!x ?`, `"}]}`),
		"lists in lists":            text("x.json", "["),
		"names of an object":        {"config.json", func(n int) []byte { return []byte(members(n)) }},
		"texts deep inside":         around("x.json", strings.Repeat("[", 500), `"",`, `""`+strings.Repeat("]", 500)),
		"members of YAML":           around("x.yaml", "", "_target_: a.B\n", ""),
		"tags of YAML":              around("x.yaml", "", "- !!python/tuple [1]\n", ""),
		"operations as text":        around("x.pbtxt", "", "node { op: 'a' \"b\" }\n", ""),
		"checkpoints of one path":   {"saved_model.pb", checkpoints},
		"numbers":                   around("x.json", "[", "1,", "1]"),
		"one number":                around("x.json", "[", "1", "]"),
		"escapes":                   around("x.json", `["`, `\u0041`, `"]`),
		"roots of a torch archive":  {"x.zip", func(n int) []byte { return manyMembers(tb, n, "/data.pkl", "N.") }},
		"storages of an archive":    {"x.zip", func(n int) []byte { return manyMembers(tb, n, "/data/0", "x") }},
		"members at one place":      {"x.zip", func(n int) []byte { return samePlace(tb, n) }},
		"a file of its own, again":  {"x.pkl", loadedAgain},
		"calls in calls":            {"x.pkl", callsInCalls},
		"pickles in a row":          text("x.pkl", "\x80\x02N."),
		"pickles of protocol 0":     text("x.txt", "I1\n."),
		"marks":                     around("x.pkl", "\x80\x02", "((11", "N."),
		"tuples":                    around("x.pkl", "\x80\x02)", "\x85", "."),
		"archives of nothing":       {"x.tar", func(n int) []byte { return manyTar(tb, n) }},
		"streams of gzip":           {"x.gz", func(n int) []byte { return bytes.Repeat(gzipped(tb, []byte("two words\n")), n) }},
		"templates in a list":       around("tokenizer_config.json", `{"chat_template":[`, `{"name":"a","template":"{{ a }}"},`, `{}]}`),
		"loops of a template":       around("x.jinja", "", "{% for a in b %}", ""),
		"parentheses of a template": around("x.jinja", "{{ ", "(", " }}"),
		"secrets without an end":    text("x.txt", "-----BEGIN RSA PRIVATE KEY-----"),
		"addresses":                 text("x.txt", "a@"),
		"digits":                    text("x.txt", "4111 "),
		"encodings":                 text("x.txt", "%41%41%41 "),
		"keys of a GGUF":            {"x.gguf", func(n int) []byte { return ggufKeys(n) }},
		"fields of an ONNX":         {"x.onnx", func(n int) []byte { return onnxWith(bytes.Repeat(pb{}.msg(1, onnxNode("", "Add")), n)) }},
		"functions of an ONNX":      {"x.onnx", onnxFunctions},
		"members of a safetensors":  {"x.safetensors", func(n int) []byte { return safetensorsFile(safetensorsOf(n), 0, -1) }},
	}
}

// Four times the file costs at most four times as much, and a little.
func TestCostIsLinear(t *testing.T) { //nolint:paralleltest // measures allocations
	for name, f := range floods(t) {
		cost := func(n int) (bytesRead, allocs uint64) {
			file := f.file(n)
			m := &meter{ReaderAt: bytes.NewReader(file)}
			before := allocated()
			res, err := scan.File(m, int64(len(file)), f.name)
			allocs = allocated() - before
			require.NoError(t, err, name)
			checkResult(t, res, int64(len(file)))
			require.LessOrEqual(t, m.bytes, int64(4<<20+64*len(file)), name)
			if testing.Short() { // as make race runs it: under the race detector a sync.Pool, as of a regexp, forgets at random
				return uint64(m.bytes), 0
			}
			require.LessOrEqual(t, allocs, uint64(64<<20+512*len(file)), name)
			return uint64(m.bytes), allocs
		}
		const n = 800
		read1, alloc1 := cost(n)
		read4, alloc4 := cost(4 * n)
		require.LessOrEqual(t, read4, 5*read1+1<<20, "%s: bytes read", name)
		require.LessOrEqual(t, alloc4, 5*alloc1+8<<20, "%s: bytes allocated", name)
	}
}

// steps is Python whose every line is a block in the one before, as far as that goes, over and over.
func steps(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i%100) + "if x:\n")
	}
	return b.String()
}

func members(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		b.WriteString(`"` + strings.Repeat("k", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":1,`)
	}
	return b.String() + `"z":1}`
}

func manyMembers(tb testing.TB, n int, suffix, content string) []byte {
	tb.Helper()
	list := make([][2]string, n)
	for i := range list {
		list[i] = [2]string{strconv.Itoa(i) + suffix, content}
	}
	return writeZip(tb, list...)
}

// samePlace is a directory of n entries for one member of 64 n bytes.
func samePlace(tb testing.TB, n int) []byte {
	tb.Helper()
	one := writeZip(tb, [2]string{"a.npy", string(npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }\n", 64*n))})
	at := bytes.Index(one, []byte("PK\x01\x02"))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	entry, tail := one[at:end], bytes.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(entry)))
	return append(append(one[:at:at], bytes.Repeat(entry, n)...), tail...)
}

// loadedAgain loads the same bytes, which are a file of 64 n bytes, n times.
func loadedAgain(n int) []byte {
	inner := "\x80\x02" + strings.Repeat("N0", 32*n) + "N."
	file := "\x80\x04" + global("torch.storage", "_load_from_bytes") + "q\x000B" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(inner)))) + inner + "\x85q\x010"
	return []byte(file + strings.Repeat("h\x00h\x01R0", n) + "N.")
}

// callsInCalls makes a call whose argument is a call, n deep, at each depth.
func callsInCalls(n int) []byte {
	file := "\x80\x04" + global("torch._tensor", "_rebuild_from_type_v2") + "q\x000" + global("torch", "Tensor") + "q\x010)q\x020"
	return []byte(file + strings.Repeat("(h\x00h\x01h\x02Ntq\x020h\x00h\x02R0", n) + "N.")
}

func manyTar(tb testing.TB, n int) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range n {
		require.NoError(tb, w.WriteHeader(&tar.Header{Name: strconv.Itoa(i)}))
	}
	require.NoError(tb, w.Close())
	return b.Bytes()
}

func ggufKeys(n int) []byte {
	b := binary.LittleEndian.AppendUint64([]byte("GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint64(n))
	for i := range n {
		b = append(binary.LittleEndian.AppendUint64(b, 4), 'k', byte('A'+i%26), byte('A'+i/26%26), byte('A'+i/676))
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = append(b, 1)
	}
	return b
}

// checkpoints are operations that all take the path at the end of one chain.
func checkpoints(n int) []byte {
	graph, n := pb{}, min(n, 8000)
	for i := range n {
		node := pb{}.text(1, fmt.Sprint("n", i)).text(2, "Identity").text(3, fmt.Sprint("n", i+1))
		graph = graph.msg(1, node).msg(1, pb{}.text(1, "s").text(2, "SaveV2").text(3, "n0"))
	}
	return pb{}.num(1, 1).msg(2, pb{}.msg(1, pb{}).msg(2, graph))
}

func onnxFunctions(n int) []byte {
	b := onnxWith(pb{}.msg(1, onnxNode("d", "f0")))
	for i := range n {
		b = b.msg(25, pb{}.text(1, "f"+string(rune('0'+i))).text(10, "d").msg(7, onnxNode("d", "f"+string(rune('0'+i+1)))))
	}
	return b
}

func safetensorsOf(n int) string {
	var b strings.Builder
	b.WriteString(`{"__metadata__":{"format":"pt"}`)
	for i := range n {
		b.WriteString(`,"` + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)
	}
	return b.String() + "}"
}

// What is packed several times, or claims more than it has, costs no more than what is packed once.
func TestUnpackingIsBoundedInAll(t *testing.T) {
	t.Parallel()

	again := func(data []byte) []byte { // at the best ratio, which makes the most of it
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	zeros := again(make([]byte, 48<<20))
	many := make([][2]string, 64)
	for i := range many {
		many[i] = [2]string{string(rune('A' + i)), string(zeros)}
	}
	packed := again(writeZip(t, many...)) // an archive of 64 files, in a file that packs it
	require.Less(t, len(packed), 1<<20)
	before := allocated()
	res, err := scan.File(bytes.NewReader(packed), int64(len(packed)), "x.gz")
	require.NoError(t, err)
	require.Contains(t, rules(res), "archive-bomb")
	require.LessOrEqual(t, allocated()-before, uint64(256<<20))
}

// Whatever is wrong with a file, all that its scan ever allocates is little, and so is what it holds at any time.
func TestMalformedCorpusTakesLittleMemory(t *testing.T) { //nolint:paralleltest // measures allocations
	corpus := map[string][]byte{}
	for _, e := range evasions() {
		corpus["evasion "+e.name] = []byte(e.data)
	}
	for _, e := range zipTricks(t) {
		corpus["archive "+e.name] = e.data
	}
	for _, p := range append(append(publicGGUF(t), publicPickles(t)...), publicOthers(t)...) {
		corpus[p.source+": "+p.what] = []byte(p.data)
	}
	for i, src := range hostileTemplates {
		corpus["template "+strconv.Itoa(i)] = []byte(src)
	}
	most := uint64(0)
	for name, data := range corpus {
		before := allocated()
		res, err := scan.File(bytes.NewReader(data), int64(len(data)), "file")
		cost := allocated() - before
		require.NoError(t, err)
		require.NotEmpty(t, res.Format)
		require.Less(t, cost, uint64(64<<20), name)
		most = max(most, cost)
	}
	t.Logf("%d files, at most %.1f MiB allocated in all for one", len(corpus), float64(most)/(1<<20))
}
