package scan

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// walkH5 scans a file and returns the scanner, the reader's object count and the attributes that hold text.
func walkH5(tb testing.TB, data []byte) (*scanner, map[string][]string) {
	tb.Helper()
	s := &scanner{r: &countedReader{r: bytes.NewReader(data)}, size: int64(len(data)), name: "file"}
	attributes := map[string][]string{}
	s.hdf5(func(path, name string, texts []string) { attributes[path+"@"+name] = texts })
	return s, attributes
}

// The reader finds what the library wrote: attributes in all the ways in which they are kept.
func TestHDF5Attributes(t *testing.T) {
	t.Parallel()

	read := func(name string) map[string][]string {
		data, err := os.ReadFile(filepath.Join("testdata/ordinary", name))
		require.NoError(t, err)
		s, attributes := walkH5(t, data)
		require.Empty(t, s.res.Findings, name)
		return attributes
	}
	for _, name := range []string{"keras2-40-layers.h5", "keras2-40-layers-latest.h5"} {
		a := read(name)
		require.Len(t, a["/model_weights@layer_names"], 40, name)
		require.Equal(t, "dense_39", a["/model_weights@layer_names"][39])
		require.Contains(t, a["/@model_config"][0], `"class_name": "Dense"`)
		for i := range 40 {
			require.Len(t, a[fmt.Sprintf("/model_weights/dense_%d@weight_names", i)], 2, name)
		}
	}
	a := read("attributes-latest.h5")
	require.Len(t, a, 31, "30 in the heap's blocks, one beside them")
	require.Equal(t, []string{"value 29"}, a["/@a29"])
	require.Len(t, a["/@long"][0], 9000)
	require.Equal(t, map[string][]string{"/@text": {"a text"}, "/@fixed": {"fixed"}}, read("compressed.h5"))
}

// Every group and data set is visited, in symbol tables, link messages and heaps.
func TestHDF5Objects(t *testing.T) {
	t.Parallel()

	for name, want := range map[string]int{
		"objects-latest.h5": 200, "weights-only.h5": 24, "keras2-40-layers.h5": 161, "keras2-40-layers-latest.h5": 161, "compressed.h5": 3,
	} {
		data, err := os.ReadFile(filepath.Join("testdata/ordinary", name))
		require.NoError(t, err)
		s := &scanner{r: &countedReader{r: bytes.NewReader(data)}, size: int64(len(data)), name: name}
		h := s.newH5(func(string, string, []string) {})
		require.NoError(t, h.walk())
		require.Len(t, h.seen, want, name)
	}
}
