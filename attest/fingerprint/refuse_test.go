package fingerprint_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spaolacci/murmur3"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

func TestRefusedTrees(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		make func(t *testing.T, root string)
		path string // below root; "" is root itself
		want error
		text string
	}{
		"not there":         {path: "nothing", want: hallmark.ErrNotFound},
		"empty":             {want: hallmark.ErrInvalid, text: "holds no file"},
		"empty directories": {make: func(t *testing.T, root string) { t.Helper(); mkdir(t, root, "a/b/c") }, want: hallmark.ErrInvalid, text: "holds no file"},
		"git only":          {make: func(t *testing.T, root string) { t.Helper(); write(t, root, ".gitignore") }, want: hallmark.ErrInvalid, text: "git's own"},
		"link inside": {make: func(t *testing.T, root string) {
			t.Helper()
			write(t, root, "a")
			require.NoError(t, os.Symlink("a", filepath.Join(root, "b")))
		}, want: hallmark.ErrInvalid, text: "symbolic link"},
		"link out of the tree": {make: func(t *testing.T, root string) {
			t.Helper()
			write(t, root, "a")
			require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(root, "b")))
		}, want: hallmark.ErrInvalid, text: "symbolic link"},
		"linked directory": {make: func(t *testing.T, root string) {
			t.Helper()
			write(t, root, "a")
			require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(root, "d")))
		}, want: hallmark.ErrInvalid, text: "symbolic link"},
		"dangling link": {make: func(t *testing.T, root string) {
			t.Helper()
			require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "d")))
		}, want: hallmark.ErrInvalid, text: "symbolic link"},
		"the path is a link": {make: func(t *testing.T, root string) {
			t.Helper()
			write(t, root, "a")
			require.NoError(t, os.Symlink("a", filepath.Join(root, "b")))
		}, path: "b", want: hallmark.ErrInvalid, text: "symbolic link"},
		"FIFO inside":     {make: mkfifo, want: hallmark.ErrInvalid, text: "FIFO"},
		"the path a FIFO": {make: mkfifo, path: "pipe", want: hallmark.ErrInvalid, text: "FIFO"},
		"socket": {make: func(t *testing.T, root string) {
			t.Helper()
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(root, "s"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
		}, want: hallmark.ErrInvalid, text: "socket"},
		"line break in a name":     {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "a\nb") }, want: hallmark.ErrInvalid, text: "control character"},
		"escape in a name":         {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "a\x1b[0m") }, want: hallmark.ErrInvalid, text: "control character"},
		"C1 control in a name":     {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "a\u0085") }, want: hallmark.ErrInvalid, text: "control character"},
		"backslash in a name":      {make: func(t *testing.T, root string) { t.Helper(); write(t, root, `..\x`) }, want: hallmark.ErrInvalid, text: "separator"},
		"not UTF-8":                {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "a\xff") }, want: hallmark.ErrInvalid, text: "UTF-8"},
		"directory not UTF-8":      {make: func(t *testing.T, root string) { t.Helper(); mkdir(t, root, "a\xff"); write(t, root, "b") }, want: hallmark.ErrInvalid, text: "UTF-8"},
		"twins by Unicode form":    {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "\u00e9"); write(t, root, "e\u0301") }, want: hallmark.ErrInvalid, text: "Unicode forms"},
		"too deep":                 {make: func(t *testing.T, root string) { t.Helper(); mkdir(t, root, strings.Repeat("d/", 65)) }, want: hallmark.ErrTooLarge, text: "nested deeper"},
		"a file through a regular": {make: func(t *testing.T, root string) { t.Helper(); write(t, root, "a") }, path: "a/b", want: syscall.ENOTDIR},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			root := filepath.Join(t.TempDir(), "m")
			require.NoError(t, os.Mkdir(root, 0o755))
			if tt.make != nil {
				tt.make(t, root)
			}
			_, err := fingerprint.Compute(t.Context(), filepath.Join(root, tt.path), fingerprint.Options{Kind: hallmark.KindModel})
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

func write(t *testing.T, root, rel string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(root, rel), []byte(rel), 0o600))
}

func mkdir(t *testing.T, root, rel string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, rel), 0o755))
}

func mkfifo(t *testing.T, root string) {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
}

func TestDeviceIsRefused(t *testing.T) {
	t.Parallel()

	_, err := fingerprint.Compute(t.Context(), "/dev/null", fingerprint.Options{})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	require.ErrorContains(t, err, "is a device")
}

func TestLimits(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{"a": "", "b/c": "", "b/d/e": ""}) // root, 2 directories, 3 files
	for _, tt := range []struct {
		walk fingerprint.WalkOptions
		want error
	}{
		{fingerprint.WalkOptions{MaxEntries: 6, MaxDepth: 2}, nil},
		{fingerprint.WalkOptions{MaxEntries: 5}, hallmark.ErrTooLarge},
		{fingerprint.WalkOptions{MaxEntries: 2}, hallmark.ErrTooLarge},
		{fingerprint.WalkOptions{MaxDepth: 1}, hallmark.ErrTooLarge},
	} {
		_, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Walk: tt.walk})
		require.ErrorIs(t, err, tt.want, tt.walk)
	}
	require.ErrorIs(t, fingerprint.CheckName(strings.Repeat("x", 256)), hallmark.ErrTooLarge)
	require.NoError(t, fingerprint.CheckName(strings.Repeat("x", 255)))
}

// TestHashCollision uses two names whose MurmurHash3 agrees in all 64 bits that a sharded directory looks at.
func TestHashCollision(t *testing.T) {
	t.Parallel()

	const one, two = "thgcxwdvbgjmksdbbbfehlsssschdcjp", "zhgrumtkqlzjatyy+s:ucj,P-&Pj2%I3" // made by inverting the hash
	require.Equal(t, murmur3.Sum64([]byte(one)), murmur3.Sum64([]byte(two)))
	require.NoError(t, fingerprint.HAMT(one, "x", "y"))
	require.ErrorIs(t, fingerprint.HAMT(one, "x", two), hallmark.ErrInvalid)
}

// TestChangedWhileHashing changes the artifact from the callback that runs between opening and hashing a file.
func TestChangedWhileHashing(t *testing.T) {
	t.Parallel()

	tests := map[string]func(root string) error{
		"appended": func(root string) error {
			f, err := os.OpenFile(filepath.Join(root, "m"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x")
			return errors.Join(err, f.Close())
		},
		"truncated": func(root string) error { return os.Truncate(filepath.Join(root, "m"), 10) },
		"same size and times, other bytes": func(root string) error {
			path := filepath.Join(root, "m")
			fi, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, make([]byte, fi.Size()), 0o600), os.Chtimes(path, time.Time{}, fi.ModTime()))
		},
		"replaced": func(root string) error {
			other := filepath.Join(root, "other")
			return errors.Join(os.WriteFile(other, []byte("x"), 0o600), os.Rename(other, filepath.Join(root, "m")))
		},
		"another was added":    func(root string) error { return os.WriteFile(filepath.Join(root, "new"), nil, 0o600) },
		"a later was removed":  func(root string) error { return os.Remove(filepath.Join(root, "z/z")) },
		"an earlier was moved": func(root string) error { return os.Rename(filepath.Join(root, "a"), filepath.Join(root, "0")) },
		"a later became a link": func(root string) error {
			z := filepath.Join(root, "z")
			return errors.Join(os.Rename(z, root+"-z"), os.Symlink(root+"-z", z))
		},
		"a later became a FIFO": func(root string) error {
			z := filepath.Join(root, "z/z")
			return errors.Join(os.Remove(z), syscall.Mkfifo(z, 0o600))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			root := writeTree(t, "dir", map[string]string{"a": "1", "m": string(stream(t, 1<<20+5)), "z/z": "2"})
			_, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{
				Kind: hallmark.KindModel,
				Tensors: func(_ context.Context, rel string, _ *os.File, _ int64) ([]hallmark.TensorRange, error) {
					if rel == "m" {
						return nil, change(root)
					}
					return nil, nil
				},
			})
			require.ErrorIs(t, err, hallmark.ErrConflict)
		})
	}
}

// TestWriterBesideHashing has a writer that never stops.
func TestWriterBesideHashing(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "w")
	require.NoError(t, os.WriteFile(path, make([]byte, 4<<20), 0o600))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	wrote, stopped := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		for i := int64(0); ctx.Err() == nil; i++ {
			if _, err := fmt.Fprintf(f, "%d", i); err != nil {
				stopped <- err
				return
			}
			select {
			case wrote <- struct{}{}:
			default:
			}
		}
		stopped <- nil
	}()
	_, err = fingerprint.Compute(t.Context(), path, fingerprint.Options{Progress: func(done, _ int64) {
		if done == 1<<20 { // one write before and two after this point
			<-wrote
			<-wrote
		}
	}})
	cancel()
	require.NoError(t, <-stopped)
	require.ErrorIs(t, err, hallmark.ErrConflict)
}

func TestWalk(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "m", map[string]string{"a": "1", "skip/x": "2", "b/c": "3"})
	require.NoError(t, os.Symlink("a", filepath.Join(root, "skip", "link")))
	var seen []string
	err := fingerprint.Walk(t.Context(), root, fingerprint.WalkOptions{Skip: func(rel string) bool { return rel == "skip" }},
		func(rel string, f *os.File, size int64) error {
			b := make([]byte, size)
			_, err := f.ReadAt(b, 0)
			seen = append(seen, rel+"="+string(b))
			return err
		})
	require.NoError(t, err)
	require.Equal(t, []string{"a=1", "b/c=3"}, seen)

	errStop := errors.New("stop")
	err = fingerprint.Walk(t.Context(), root+"/a", fingerprint.WalkOptions{}, func(rel string, _ *os.File, _ int64) error {
		require.Empty(t, rel)
		return errStop
	})
	require.ErrorIs(t, err, errStop)
}
