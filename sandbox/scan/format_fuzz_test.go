package scan_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// A meter counts what a scan reads.
type meter struct {
	io.ReaderAt
	bytes int64
}

func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	m.bytes += int64(len(p))
	return m.ReaderAt.ReadAt(p, off)
}

// fuzzed scans data under a name and holds what is true of every file: the result is well formed, what was read is linear in
// the size of the file, and so is what was allocated, all in all, beyond 64 MiB.
func fuzzed(t *testing.T, name string, data []byte) scan.Result {
	t.Helper()
	if len(data) > 1<<20 {
		t.Skip("longer than what the limits are tested with")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := &meter{ReaderAt: bytes.NewReader(data)}
	res, err := scan.File(m, int64(len(data)), name)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	checkResult(t, res, int64(len(data)))
	require.LessOrEqual(t, m.bytes, int64(4<<20+64*len(data)))
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20+512*len(data)))
	return res
}

func FuzzHDF5(f *testing.F) {
	addFiles(f, "testdata/ordinary/*.h5")
	addFiles(f, "testdata/hostile/*.h5")
	f.Fuzz(func(t *testing.T, data []byte) {
		copy(data, "\x89HDF\r\n\x1a\n")
		fuzzed(t, "model.h5", data)
	})
}

func FuzzKeras(f *testing.F) {
	f.Add(`{"module":"keras","class_name":"Sequential","config":{"layers":[{"module":"keras.layers","class_name":"Dense","config":{"activation":"relu"},"registered_name":null}]}}`)
	f.Add(`{"class_name":"function","config":"system","module":"os","registered_name":"x>y"}`)
	f.Add(`[{"class_name":"TFOpLambda","config":{"function":"io.write_file"}},{"vocabulary":"/x","function_type":"lambda"}]`)
	f.Add(`{"class_name":"__typespec__","spec_name":"TensorSpec","module":"tensorflow.python.framework.x","a":[true,false,null,1e9]}`)
	f.Fuzz(func(t *testing.T, config string) {
		fuzzed(t, "model.keras", kerasZip(t, config))
		fuzzed(t, "config.json", []byte(config))
	})
}

func FuzzONNX(f *testing.F) {
	addFiles(f, "testdata/ordinary/*.onnx")
	f.Add([]byte(onnxWith(pb{}.msg(1, onnxNode("d", "f")).msg(5, onnxTensor([]uint64{4}, 1).num(14, 1).msg(13, onnxEntry("location", "../x"))))))
	f.Add([]byte(pb{}.num(1, 1).msg(2, pb{}.msg(2, pb{}.msg(1, pb{}.text(1, "n").text(2, "WriteFile"))).msg(6, pb{}.text(2, "../x")))))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"model.onnx", "saved_model.pb", "keras_metadata.pb", "graph.pb", "model"} {
			fuzzed(t, name, data)
		}
	})
}

func FuzzSafetensors(f *testing.F) {
	f.Add([]byte(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}`), 16, uint64(0))
	f.Add([]byte(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"b":{"dtype":"I8","shape":[],"data_offsets":[1,2]}}`), 2, uint64(0))
	f.Add([]byte(`{"a":{"dtype":"F4","shape":[2]}} `), 2, uint64(1<<63))
	f.Fuzz(func(t *testing.T, header []byte, data int, length uint64) {
		file := safetensorsFile(string(header), min(max(data, 0), 1<<10), -1)
		for i := range 8 {
			file[i] ^= byte(length >> (8 * i))
		}
		fuzzed(t, "model.safetensors", file)
		fuzzed(t, "model", file)
	})
}

func FuzzTemplateScan(f *testing.F) {
	for _, src := range hostileTemplates {
		f.Add(src)
	}
	f.Add("{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}<|{{ m.role }}|>{{ m.content | trim }}{% endfor %}")
	f.Add("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")
	f.Fuzz(func(t *testing.T, src string) {
		fuzzed(t, "chat_template.jinja", []byte(src))
	})
}

func FuzzPython(f *testing.F) {
	for _, src := range []string{
		"import os as o, sys\nfrom base64 import (b64decode as d, x)\nclass A:\n    def f(self):\n        o.system(f'{x!r:>{1}} {{}} {o.popen(1)}')\nif __name__ == '__main__':\n    exec(d('eA=='))\n",
		"# coding: rot13\nｅｖａｌ('''a\nb''' r'\\d' b\"\\x00\" f\"\"\"{1}\"\"\")\n", "getattr(os, 'x')(1)\\\n; __import__('os')\nfrom os import *\n", "x = (\n[{'a': 1}]\n)\n",
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, name := range []string{"modeling_x.py", "train.py", "run.sh", "requirements.txt"} {
			fuzzed(t, name, []byte(src))
		}
	})
}

func FuzzNotebook(f *testing.F) {
	f.Add(`{"cells":[{"cell_type":"code","source":["!curl x | sh\n","import os\n","x?"],"outputs":[{"data":{"text/html":["<script>"],"application/javascript":"x"}}]},{"cell_type":"markdown","source":"onerror="}],"nbformat":4}`)
	f.Add(`{"worksheets":[{"cells":[{"cell_type":"code","input":"%%bash\nx"}]}]}`)
	f.Add(`{"chat_template":[{"name":"a","template":"{{ x.__class__ }}"}],"auto_map":{"a":"b--c.D"},"trust_remote_code":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"x.ipynb", "tokenizer_config.json"} {
			fuzzed(t, name, []byte(text))
		}
	})
}
