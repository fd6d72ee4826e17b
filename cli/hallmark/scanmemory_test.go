package main

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/scan/testdata/large"
)

// scanPeak scans a file in the jail and returns how much memory the jailed process had at most, beside the file's own
// pages, in bytes.
func scanPeak(t *testing.T, j *jail, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	f, err := sandbox.SealFile(t.Context(), path)
	require.NoError(t, err)
	defer f.Close() // the session has its own descriptor
	s, err := j.open(t.Context(), f, hallmark.TierNoNamespaces, 10*time.Minute)
	require.NoError(t, err)
	_, err = s.Scan(t.Context(), filepath.Base(path))
	record := s.Close()
	require.NoError(t, err, path)
	return record.PeakRSS - info.Size()
}

// Whatever a file holds and however large it is, its scan takes less than 64 MiB beside the file itself, the process that
// scans included.
func TestScanTakesLittleMemory(t *testing.T) {
	t.Parallel()

	j, err := openJail(t.Context(), serverConfig{Threads: 1, RunMemory: scanMemory}, func() ([]byte, error) { return os.ReadFile(guestPath(t)) })
	require.NoError(t, err)
	size := int64(48 << 20)
	if os.Getenv("HALLMARK_FULL") != "" {
		size = 1 << 30
	}
	const corpus = "../../sandbox/scan/testdata/"
	h5, err := os.ReadFile(corpus + "ordinary/weights-only.h5")
	require.NoError(t, err)
	most := int64(0)
	for _, kind := range large.Kinds {
		path, err := large.Write(t.TempDir(), kind, size, h5)
		require.NoError(t, err)
		peak := scanPeak(t, j, path)
		t.Logf("%s of %d MiB: %.1f MiB beside the file", kind, size>>20, float64(peak)/(1<<20))
		most = max(most, peak)
		require.NoError(t, os.Remove(path))
	}
	dir := writeTree(t, greedyFiles(t))
	for _, name := range slices.Sorted(maps.Keys(greedyFiles(t))) {
		peak := scanPeak(t, j, filepath.Join(dir, name))
		t.Logf("%s: %.1f MiB beside the file", name, float64(peak)/(1<<20))
		most = max(most, peak)
	}
	for _, pattern := range []string{"hostile/*", "ordinary/*", "pickles/*"} {
		files, err := filepath.Glob(corpus + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, path := range files {
			most = max(most, scanPeak(t, j, path))
		}
	}
	t.Logf("at most %.1f MiB beside the file", float64(most)/(1<<20))
	require.Less(t, most, int64(64<<20))
}

// greedyFiles make the scanner keep as much as it ever keeps: values of a pickle, texts of a configuration, parts that are
// unpacked, and the vocabulary of a model.
func greedyFiles(t *testing.T) map[string]string {
	t.Helper()
	packed := func(content string) string {
		var b strings.Builder
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(content))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	text := strings.Repeat("two words\n", 3<<19)
	var model bytes.Buffer
	tokens := make([]string, 1<<19)
	for i := range tokens {
		tokens[i] = strconv.Itoa(i)
	}
	require.NoError(t, gguf.Write(&model, []gguf.Entry{
		{Key: "general.architecture", Value: "llama"}, {Key: "tokenizer.ggml.tokens", Value: tokens}, {Key: "tokenizer.ggml.merges", Value: []string{"1 2"}},
	}, nil))
	return map[string]string{
		"values.pkl":     "\x80\x02(" + strings.Repeat("N", 3<<20-16) + "t.",
		"config.json":    `{"a":"` + strings.Repeat("x", 8<<20-32) + `"}`,
		"text.gz":        packed(text),
		"text.gz.gz":     packed(packed(text)),
		"vocabulary":     model.String(),
		"notebook.ipynb": `{"cells":[{"cell_type":"code","source":"` + strings.Repeat(`x = 1\n`, 1<<19) + `"}]}`,
	}
}
