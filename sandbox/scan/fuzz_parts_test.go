package scan_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// allocated is how many bytes were ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// fuzzScan scans any bytes under a name: no panic, a valid result, and what is allocated in all, which is more than what is
// held at any time, stays in proportion to the file.
func fuzzScan(f *testing.F, name string) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		before := allocated()
		res, err := scan.File(bytes.NewReader(data), int64(len(data)), name)
		require.NoError(t, err)
		require.Less(t, allocated()-before, uint64(64<<20+4096*len(data)))
		checkResult(t, res, int64(len(data)))
		scan.Judge(name, res.Format, res.Findings)
	})
}

// addFiles adds what the usual writers wrote as seeds.
func addFiles(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, files, pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			if len(data) <= 1<<15 { // mutations of small files find more
				f.Add(data)
			}
		}
	}
}

func FuzzPickle(f *testing.F) {
	for _, seed := range []string{evalP0, evalP1, evalP2, evalP4, dictP0, dictP2, dictP5} {
		f.Add([]byte(seed))
	}
	for _, e := range evasions() {
		f.Add([]byte(e.data))
	}
	addFiles(f, "testdata/pickles/*.pkl", "testdata/pickles/*.joblib", "testdata/pickles/*.dill")
	fuzzScan(f, "fuzz.pkl")
}

func FuzzZip(f *testing.F) {
	f.Add(torchZip(f, dictP2))
	f.Add(torchZip(f, evalP4))
	f.Add(emptyZip)
	for _, e := range zipTricks(f) {
		f.Add(e.data)
	}
	addFiles(f, "testdata/pickles/*.pt", "testdata/pickles/*.npz")
	fuzzScan(f, "fuzz.pt")
}

func FuzzTar(f *testing.F) {
	f.Add(tarFile(f, &tar.Header{Name: "a.pkl", Size: int64(len(evalP2))}, evalP2))
	f.Add(tarFile(f, &tar.Header{Name: "storages", Size: int64(len(dictP2))}, dictP2))
	f.Add(tarFile(f, &tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""))
	f.Add(gzipped(f, tarFile(f, &tar.Header{Name: "a.pkl", Size: int64(len(dictP2))}, dictP2)))
	fuzzScan(f, "fuzz.tar")
}

func FuzzNpy(f *testing.F) {
	f.Add(npyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", 16))
	f.Add(append(npyFile("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", 0), evalP2...))
	addFiles(f, "testdata/pickles/*.npy")
	fuzzScan(f, "fuzz.npy")
}

func tarFile(tb testing.TB, h *tar.Header, content string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(tb, w.WriteHeader(h))
	_, err := w.Write([]byte(content))
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.Bytes()
}

func gzipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.Bytes()
}
