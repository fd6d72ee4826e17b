package fingerprint_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

func TestDirHashEqualsModuleAndShell(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{
		"a/b": "1", "a b.bin": "2", "a-b/c": "3", "a.txt": "4", ".hidden": "", "d/e/f": "5", "empty/": "", "ключ": "6", "Z": "7",
	})
	fp := compute(t, root)

	h1, err := dirhash.HashDir(root, "", dirhash.Hash1)
	require.NoError(t, err)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	require.NoError(t, err)
	require.Equal(t, hallmark.Digest(raw), fp.Digest)

	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("coreutils not found")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "find . -type f -print0 | sed -z 's#^\\./##' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, fp.Digest.Hex(), strings.TrimSpace(string(out)))
}

func TestDirHashBindsNamesOMSRootDoesNot(t *testing.T) {
	t.Parallel()

	x := compute(t, writeTree(t, "m", map[string]string{"x.bin": "A", "y.bin": "B"}))
	p := compute(t, writeTree(t, "m", map[string]string{"p.bin": "A", "q.bin": "B"}))
	require.Equal(t, x.OMSRoot, p.OMSRoot)
	require.NotEqual(t, x.Digest, p.Digest)
	require.NotEqual(t, x.CID, p.CID)
}

func TestOMSRootInComponentOrder(t *testing.T) {
	t.Parallel()

	fp := compute(t, writeTree(t, "m", map[string]string{
		"a/b": "1", "a b.bin": "2", "a-b/c": "3", "a.txt": "4", ".gitattributes": "5", ".git/config": "6", "sub/.gitignore": "7",
	}))
	var paths []string
	for _, f := range fp.Files {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{".git/config", ".gitattributes", "a/b", "a b.bin", "a-b/c", "a.txt", "sub/.gitignore"}, paths)
	require.Equal(t, fingerprint.OMSRoot(fp.Files[2:]), fp.OMSRoot, "git's own files at the top are left out, others are not")
}

func TestTensorDigests(t *testing.T) {
	t.Parallel()

	rng := rand.New(rand.NewPCG(3, 4))
	content := stream(t, 3<<20+77)
	path := filepath.Join(t.TempDir(), "w.gguf")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	for range 20 {
		var ranges []hallmark.TensorRange
		for off := int64(0); off < int64(len(content)); {
			off += rng.Int64N(600_000)
			size := min(max(0, int64(len(content))-off), rng.Int64N(2_000_000)*rng.Int64N(2))
			if off <= int64(len(content)) {
				ranges = append(ranges, hallmark.TensorRange{Name: string(rune('a' + len(ranges))), Offset: off, Size: size})
			}
			off += size
		}
		ranges = append(ranges, hallmark.TensorRange{Name: "end", Offset: int64(len(content))})
		fp, err := fingerprint.Compute(t.Context(), path, fingerprint.Options{
			Kind: hallmark.KindModel,
			Tensors: func(_ context.Context, rel string, f *os.File, size int64) ([]hallmark.TensorRange, error) {
				require.Equal(t, "w.gguf", rel)
				require.EqualValues(t, len(content), size)
				_, err := io.ReadAll(f) // the callback may move the offset
				return ranges, err
			},
		})
		require.NoError(t, err)
		require.Equal(t, hallmark.DigestOf(content), fp.Digest)
		require.Len(t, fp.Tensors, len(ranges))
		for i, d := range fp.Tensors {
			r := ranges[i]
			require.Equal(t, hallmark.TensorDigest{
				File: "w.gguf", Name: r.Name, Offset: r.Offset, Size: r.Size,
				SHA256: hallmark.DigestOf(content[r.Offset : r.Offset+r.Size]),
			}, d)
		}
	}
}

func TestTensorWithoutBytes(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	fp, err := fingerprint.Compute(t.Context(), path, fingerprint.Options{
		Tensors: func(context.Context, string, *os.File, int64) ([]hallmark.TensorRange, error) {
			return []hallmark.TensorRange{{Name: "a"}, {Name: "b"}}, nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, []hallmark.TensorDigest{
		{File: "empty", Name: "a", SHA256: hallmark.DigestOf(nil)}, {File: "empty", Name: "b", SHA256: hallmark.DigestOf(nil)},
	}, fp.Tensors)
}

func TestTensorRangesAreNotBelieved(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "w")
	require.NoError(t, os.WriteFile(path, make([]byte, 100), 0o600))
	errGuest := errors.New("guest died")
	tests := map[string]struct {
		ranges []hallmark.TensorRange
		err    error
		want   error
	}{
		"past the end":      {[]hallmark.TensorRange{{Name: "a", Offset: 90, Size: 11}}, nil, hallmark.ErrInvalid},
		"overlap":           {[]hallmark.TensorRange{{Name: "a", Size: 11}, {Name: "b", Offset: 10}}, nil, hallmark.ErrInvalid},
		"unsorted":          {[]hallmark.TensorRange{{Name: "a", Offset: 20, Size: 1}, {Name: "b", Offset: 10}}, nil, hallmark.ErrInvalid},
		"too many":          {make([]hallmark.TensorRange, hallmark.MaxTensors+1), nil, hallmark.ErrTooLarge},
		"the guest's error": {nil, errGuest, errGuest},
	}
	for name, tt := range tests {
		_, err := fingerprint.Compute(t.Context(), path, fingerprint.Options{
			Tensors: func(context.Context, string, *os.File, int64) ([]hallmark.TensorRange, error) {
				return tt.ranges, tt.err
			},
		})
		require.ErrorIs(t, err, tt.want, name)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{"a": string(stream(t, 2<<20+1)), "b/c": "12345", "d": ""})
	var last, calls int64
	fp, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Progress: func(done, total int64) {
		require.EqualValues(t, 2<<20+6, total)
		require.Greater(t, done, last)
		last, calls = done, calls+1
	}})
	require.NoError(t, err)
	require.Equal(t, fp.Size, last)
	require.EqualValues(t, 4, calls)
}

func TestCancel(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "w")
	require.NoError(t, os.WriteFile(path, make([]byte, 3<<20), 0o600))
	_, err := fingerprint.Compute(ctx, path, fingerprint.Options{Progress: func(int64, int64) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	_, err = fingerprint.Compute(ctx, filepath.Dir(path), fingerprint.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestGivenName(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{"0a1b": "1"})
	fp, err := fingerprint.Compute(t.Context(), root+"/0a1b", fingerprint.Options{Kind: hallmark.KindModel, Name: "model.gguf"})
	require.NoError(t, err)
	require.Equal(t, "model.gguf", fp.Name)
	require.Equal(t, "model.gguf", fp.Files[0].Path)
	fp, err = fingerprint.Compute(t.Context(), root, fingerprint.Options{Kind: hallmark.KindModel, Name: "model"})
	require.NoError(t, err)
	require.Equal(t, "model", fp.Name)
	require.Equal(t, "0a1b", fp.Files[0].Path)
	for _, name := range []string{"../x", "a\nb", ".."} {
		_, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Name: name})
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
	}
}

func TestSameFromAnywhere(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{"a": "1", "b/c": "2"})
	require.Equal(t, compute(t, root), compute(t, root+"/b/../"))
}
