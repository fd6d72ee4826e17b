package scan_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func readTestdata(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return data
}

// The files in testdata/hostile and what is found in them.
func TestHostileFiles(t *testing.T) {
	t.Parallel()

	tests := map[string]string{
		"lambda.h5": "keras-lambda", "lambda-latest.h5": "keras-lambda", "lambda-nested.h5": "keras-lambda", "lambda-far-back.h5": "keras-lambda",
		"custom-class.h5": "keras-custom-class", "write-file.h5": "keras-function",
		"external-link.h5": "hdf5-external-link", "external-link-latest.h5": "hdf5-external-link", "external-data.h5": "hdf5-external-data",
		"virtual.h5": "hdf5-virtual", "user-block.h5": "polyglot",
	}
	files, err := filepath.Glob("testdata/hostile/*")
	require.NoError(t, err)
	require.Len(t, files, len(tests))
	for name, rule := range tests {
		require.Contains(t, rules(scanBytes(t, readTestdata(t, "hostile/"+name))), rule, name)
	}
}

// Files that break the format, made from one that does not.
func TestHDF5Malformed(t *testing.T) {
	t.Parallel()

	old, latest := readTestdata(t, "ordinary/keras2-sequential.h5"), readTestdata(t, "ordinary/keras2-latest.h5")
	put := func(data []byte, at int, b ...byte) []byte {
		data = slices.Clone(data)
		copy(data[at:], b)
		return data
	}
	replace := func(data []byte, old, repl string) []byte {
		require.Contains(t, string(data), old)
		return bytes.Replace(data, []byte(old), []byte(repl), 1)
	}
	at := func(data []byte, magic string) int { return bytes.Index(data, []byte(magic)) }
	tree, heap, node, global := at(old, "TREE"), at(old, "HEAP"), at(old, "SNOD"), at(old, "GCOL")
	root := int(binary.LittleEndian.Uint64(old[64:]))
	ones := bytes.Repeat([]byte{0xff}, 8)
	tests := map[string][]byte{
		"version 9 of the superblock":   put(old, 8, 9),
		"addresses of 3 bytes":          put(old, 13, 3),
		"addresses of 16 bytes":         put(old, 13, 16),
		"base address":                  put(old, 24, 1),
		"end past the file":             put(old, 40, ones[:7]...),
		"driver":                        put(old, 48, 0, 0, 0, 0, 0, 0, 0, 0),
		"root past the file":            put(old, 64, ones[:7]...),
		"root nowhere":                  put(old, 64, ones...),
		"header of version 7":           put(old, root, 7),
		"header of 4 GiB":               put(old, root+8, 0xff, 0xff, 0xff, 0xff),
		"message past its block":        put(old, root+16+2, 0xff, 0xff),
		"message that is not known":     put(old, root+16, 0x77),
		"message that stands elsewhere": put(old, root+16+4, 2),
		"tree of another type":          put(old, tree+4, 1),
		"tree of many levels":           put(old, tree+5, 200),
		"tree of 65535 children":        put(old, tree+6, 0xff, 0xff),
		"tree without magic":            replace(old, "TREE", "TRUE"),
		"heap without magic":            replace(old, "HEAP", "HOAP"),
		"heap of 2^63 bytes":            put(old, heap+8, 0, 0, 0, 0, 0, 0, 0, 0x80),
		"heap past the file":            put(old, heap+24, ones[:7]...),
		"node of 65535 entries":         put(old, node+6, 0xff, 0xff),
		"name outside of the heap":      put(old, node+8, ones...),
		"global heap of 2^63 bytes":     put(old, global+8, 0, 0, 0, 0, 0, 0, 0, 0x80),
		"global heap without magic":     replace(old, "GCOL", "GOOL"),
		"latest: header without magic":  put(latest, int(binary.LittleEndian.Uint64(latest[36:])), 'X'),
		"latest: version of the header": put(latest, int(binary.LittleEndian.Uint64(latest[36:]))+4, 9),
		"magic alone":                   old[:8],
	}
	for name, data := range tests {
		res := scanBytes(t, data)
		require.Contains(t, rules(res), "cannot-parse", name)
	}
	require.Contains(t, rules(scanBytes(t, append(slices.Clone(old), make([]byte, 64)...))), "trailing-bytes")
	for cut := 8; cut < len(old); cut += 97 {
		require.Contains(t, rules(scanBytes(t, old[:cut])), "cannot-parse", cut)
		require.Contains(t, rules(scanBytes(t, latest[:min(cut, len(latest)-1)])), "cannot-parse", cut)
	}
}

// A group that contains itself, and one that contains its parent, end.
func TestHDF5Loop(t *testing.T) {
	t.Parallel()

	data := readTestdata(t, "ordinary/weights-only.h5")
	root := data[64:72]
	node := bytes.Index(data, []byte("SNOD"))
	for at := 0; node >= 0; node = bytes.Index(data[at:], []byte("SNOD")) {
		at += node + 8
		copy(data[at+8:], root)
	}
	require.Equal(t, scan.FormatHDF5, scanBytes(t, data).Format)
}
