package scan_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// A countingReader counts what is read of each byte.
type countingReader struct {
	io.ReaderAt
	read int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.read += int64(n)
	return n, err
}

// bigArchive is a checkpoint of so many tensors of 8 MiB.
func bigArchive(tb testing.TB, tensors int) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name string, content []byte) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(tb, err)
		_, err = f.Write(content)
		require.NoError(tb, err)
	}
	add("a/data.pkl", []byte(dictP2))
	data := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
	for i := range tensors {
		add(fmt.Sprintf("a/data/%d", i), data)
	}
	require.NoError(tb, w.Close())
	return b.Bytes()
}

// Tensor data is read once, for its checksum, beside the first bytes of each tensor.
func TestTensorDataIsReadOnce(t *testing.T) {
	t.Parallel()

	data := bigArchive(t, 4)
	r := &countingReader{ReaderAt: bytes.NewReader(data)}
	res, err := scan.File(r, int64(len(data)), "a.pt")
	require.NoError(t, err)
	require.Empty(t, res.Findings)
	require.Less(t, r.read, int64(len(data))+1<<20)
}

func BenchmarkScan(b *testing.B) {
	pickle := "\x80\x02]" + strings.Repeat("("+strings.Repeat("K\x01M\x01\x02G\x05\x00\x00\x00hell\x88N", 200)+"e", 16<<10) + "."
	files := map[string][]byte{"torch": bigArchive(b, 32), "pickle": []byte(pickle)}
	if path := os.Getenv("HALLMARK_SCAN_FILE"); path != "" {
		raw, err := os.ReadFile(path)
		require.NoError(b, err)
		files["file"] = raw
	}
	for name, data := range files {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				res, err := scan.File(bytes.NewReader(data), int64(len(data)), "a.pt")
				require.NoError(b, err)
				require.Empty(b, rules(res))
			}
		})
	}
}
