package scan

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func limited(t *testing.T, data []byte, change func(*limits)) []string {
	t.Helper()
	l := defaultLimits
	change(&l)
	s := newScanner(bytes.NewReader(data), int64(len(data)), "file", &l)
	s.sniff()
	var rules []string
	for _, f := range s.res.Findings {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func zipOf(t *testing.T, members ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, m := range members {
		f, err := w.Create(string(rune('a' + i)))
		require.NoError(t, err)
		_, err = f.Write(m)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func tarOf(t *testing.T, members ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, m := range members {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: string(rune('a' + i)), Size: int64(len(m))}))
		_, err := w.Write(m)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestLimits(t *testing.T) {
	t.Parallel()

	small, long := []byte("hello"), bytes.Repeat([]byte("a word of text\n"), 20000)
	nested := zipOf(t, zipOf(t, zipOf(t, small)))
	tests := map[string]struct {
		data   []byte
		change func(*limits)
		rule   string
	}{
		"members of a zip":        {zipOf(t, small, small, small), func(l *limits) { l.members = 2 }, RuleCannotParse},
		"members of a tar":        {tarOf(t, small, small, small), func(l *limits) { l.members = 2 }, RuleCannotParse},
		"depth of zips":           {nested, func(l *limits) { l.depth = 2 }, "archive-nested"},
		"depth of tars":           {tarOf(t, tarOf(t, tarOf(t, small))), func(l *limits) { l.depth = 1 }, "archive-nested"},
		"depth of gzips":          {gzipOf(t, gzipOf(t, small)), func(l *limits) { l.depth = 2 }, "archive-nested"},
		"ratio of a zip's member": {zipOf(t, long), func(l *limits) { l.ratio, l.growth = 10, 1000 }, "archive-bomb"},
		"ratio of a gzip":         {gzipOf(t, long), func(l *limits) { l.ratio, l.growth = 10, 1000 }, "archive-bomb"},
		"all of a zip":            {zipOf(t, long, long), func(l *limits) { l.unpacked = 500000 }, "archive-bomb"},
		"all of a tar":            {tarOf(t, long, long), func(l *limits) { l.unpacked = 500000 }, "archive-bomb"},
		"memory for a part":       {gzipOf(t, long), func(l *limits) { l.memory = 1000 }, RuleCannotParse},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Empty(t, limited(t, tt.data, func(*limits) {}), "without the limit")
			require.Contains(t, limited(t, tt.data, tt.change), tt.rule)
		})
	}
}
