package scan_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
	"github.com/hallmark-ml/hallmark/sandbox/scan/testdata/large"
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

// BenchmarkScan measures values in memory: a pickle of many small ones, and a file that HALLMARK_SCAN_FILE names.
func BenchmarkScan(b *testing.B) {
	pickle := "\x80\x02]" + strings.Repeat("("+strings.Repeat("K\x01M\x01\x02G\x05\x00\x00\x00hell\x88N", 200)+"e", 16<<10) + "."
	files := map[string][]byte{"pickle": []byte(pickle)}
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

// BenchmarkLarge measures files of HALLMARK_SCAN_MIB (default 256) that are on disk and in the page cache: megabytes a
// second of processor time, user and system, and how often a byte is read.
func BenchmarkLarge(b *testing.B) {
	size := int64(256 << 20)
	if n, err := strconv.ParseInt(os.Getenv("HALLMARK_SCAN_MIB"), 10, 20); err == nil {
		size = n << 20
	}
	for _, kind := range large.Kinds {
		b.Run(kind, func(b *testing.B) {
			path, err := large.Write(b.TempDir(), kind, size, readTestdata(b, "ordinary/weights-only.h5"))
			require.NoError(b, err)
			f, err := os.Open(path)
			require.NoError(b, err)
			defer f.Close()
			info, err := f.Stat()
			require.NoError(b, err)
			r := &countingReader{ReaderAt: f}
			scanned := func() {
				res, err := scan.File(r, info.Size(), kind)
				require.NoError(b, err)
				require.Empty(b, rules(res))
			}
			scanned() // fills the page cache
			r.read = 0
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := threadSeconds(b)
			for b.Loop() {
				scanned()
			}
			total := float64(info.Size()) * float64(b.N)
			b.ReportMetric(total/1e6/(threadSeconds(b)-before), "MB/cpu-s")
			b.ReportMetric(float64(r.read)/total, "reads/byte")
		})
	}
}

// threadSeconds is the processor time of this thread, user and system.
func threadSeconds(tb testing.TB) float64 {
	tb.Helper()
	var now unix.Timespec
	require.NoError(tb, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now))
	return time.Duration(now.Nano()).Seconds()
}

// Large files are ordinary, and a byte of them is read at most once and a little.
func TestLargeFilesAreReadOnce(t *testing.T) {
	t.Parallel()

	for _, kind := range large.Kinds {
		path, err := large.Write(t.TempDir(), kind, 48<<20, readTestdata(t, "ordinary/weights-only.h5"))
		require.NoError(t, err)
		f, err := os.Open(path)
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		r := &countingReader{ReaderAt: f}
		res, err := scan.File(r, info.Size(), kind)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Empty(t, rules(res), "%s: %v", kind, res.Findings)
		require.Less(t, r.read, info.Size()+1<<20, kind)
	}
}
