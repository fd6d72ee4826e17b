package api

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hallmark-ml/hallmark"
)

// Limits of an uploaded directory.
const (
	maxEntries = 100_000
	maxDepth   = 64
)

// uploads keeps uploaded bytes under their content address.
type uploads struct {
	dir string
	max int64
}

// prepare makes the directories and removes what an interrupted upload left.
func (u uploads) prepare() error {
	if err := os.RemoveAll(filepath.Join(u.dir, "tmp")); err != nil {
		return fmt.Errorf("upload directory: %w", err)
	}
	for _, d := range []string{"tmp", "cas"} {
		if err := os.MkdirAll(filepath.Join(u.dir, d), 0o700); err != nil {
			return fmt.Errorf("upload directory: %w", err)
		}
	}
	return nil
}

// stored is a file under its content address.
type stored struct {
	path   string
	digest hallmark.Digest
	size   int64
}

// file streams body into the store. Nothing is held in memory.
func (u uploads) file(w http.ResponseWriter, r *http.Request) (stored, error) {
	tmp, err := os.CreateTemp(filepath.Join(u.dir, "tmp"), "upload-*")
	if err != nil {
		return stored{}, storageError(err)
	}
	defer os.Remove(tmp.Name()) // it is gone once it was renamed
	defer tmp.Close()           // closed below, where it matters

	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(tmp, sum), http.MaxBytesReader(w, r.Body, u.max))
	if err != nil {
		return stored{}, uploadError(err)
	}
	if n == 0 {
		return stored{}, fmt.Errorf("upload: the body is empty: %w", hallmark.ErrInvalid)
	}
	if err := errors.Join(tmp.Chmod(0o444), tmp.Sync(), tmp.Close()); err != nil {
		return stored{}, storageError(err)
	}
	s := stored{digest: hallmark.Digest(sum.Sum(nil)), size: n}
	s.path, err = u.place(tmp.Name(), s.digest)
	return s, err
}

// place moves a finished file or directory to its content address, unless it is there already.
func (u uploads) place(tmp string, d hallmark.Digest) (string, error) {
	path := filepath.Join(u.dir, "cas", d.Hex()[:2], d.Hex())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", storageError(err)
	}
	if _, err := os.Lstat(path); err == nil {
		return path, nil
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", storageError(err)
	}
	return path, syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a directory of our own
	if err != nil {
		return storageError(err)
	}
	defer d.Close() // only synced
	if err := d.Sync(); err != nil {
		return storageError(err)
	}
	return nil
}

// directory unpacks an uploaded tar archive below a fresh temporary directory, which the caller places or removes.
// Only regular files and directories are taken; names that leave the directory, links and devices are refused.
func (u uploads) directory(w http.ResponseWriter, r *http.Request) (string, error) {
	tmp, err := os.MkdirTemp(filepath.Join(u.dir, "tmp"), "upload-*")
	if err != nil {
		return "", storageError(err)
	}
	if err := unpack(r.Context(), tmp, http.MaxBytesReader(w, r.Body, u.max)); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	return tmp, nil
}

func unpack(ctx context.Context, dir string, body io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return storageError(err)
	}
	defer root.Close() // only used to create files
	archive := tar.NewReader(bufio.NewReaderSize(body, 1<<20))
	for entries := 0; ; entries++ {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && entries > 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("uploaded archive: it is empty: %w", hallmark.ErrInvalid)
		case err != nil:
			return uploadError(err)
		case ctx.Err() != nil:
			return ctx.Err()
		case entries >= maxEntries:
			return fmt.Errorf("uploaded archive: more than %d entries: %w", maxEntries, hallmark.ErrTooLarge)
		}
		if err := unpackEntry(root, archive, h); err != nil {
			return err
		}
	}
}

func unpackEntry(root *os.Root, archive *tar.Reader, h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	shown := hallmark.CleanText(name, 200)
	if !filepath.IsLocal(name) || strings.Count(name, "/") >= maxDepth {
		return fmt.Errorf("uploaded archive: entry %s leaves the directory or lies too deep: %w", shown, hallmark.ErrInvalid)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o700); err != nil {
			return storageError(err)
		}
		return nil
	case tar.TypeReg:
	default:
		return fmt.Errorf("uploaded archive: entry %s is neither a file nor a directory: %w", shown, hallmark.ErrInvalid)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return storageError(err)
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("uploaded archive: entry %s comes twice: %w", shown, hallmark.ErrInvalid)
	}
	if err != nil {
		return storageError(err)
	}
	_, err = io.Copy(f, archive)
	if err != nil {
		err = uploadError(err)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, uploadError(err)
	}
	return raw, nil
}

// uploadError tells what a failed read or write of an upload means: over the limit, a client that left, or our disk.
func uploadError(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("request body: more than %d bytes: %w", tooLarge.Limit, hallmark.ErrTooLarge)
	}
	if _, onDisk := errors.AsType[*os.PathError](err); onDisk {
		return storageError(err)
	}
	return fmt.Errorf("reading the request body: %w: %w", err, hallmark.ErrInvalid)
}

func storageError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return hallmark.WithHint(fmt.Errorf("storing an upload: no space left: %w", hallmark.ErrUnavailable), "free space in the data directory and submit again")
	}
	return fmt.Errorf("storing an upload: %w", err)
}
