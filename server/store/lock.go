package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hallmark-ml/hallmark"
)

// lockName is the file in the data directory that its one server holds locked. It stays there when the server ends; the
// lock is the kernel's and goes with the process, however that dies.
const lockName = "lock"

// lockDir takes the exclusive lock of a data directory. A held one is [hallmark.ErrConflict] and names the holder.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: the data directory is the operator's
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := holderOf(path)
		return nil, errors.Join(lockError(dir, holder, err), f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory %s: %w", dir, err), f.Close())
	}
	return f, nil
}

func lockError(dir, holder string, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	held := fmt.Errorf("data directory %s is in use by process %s: %w", dir, holder, hallmark.ErrConflict)
	return hallmark.WithHint(held, "stop that server first, or give this one a directory of its own")
}

func holderOf(path string) string {
	b, err := os.ReadFile(path) //nolint:gosec // G304: see lockDir
	text := strings.TrimSpace(string(b))
	if _, notNumber := strconv.Atoi(text); err != nil || notNumber != nil {
		return "(unknown)"
	}
	return text
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
