package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// A ref says where the bytes of a block lie.
type ref struct {
	path   string // absolute
	offset int64
	size   int
}

// A line of refs.jsonl: blocks that follow one another in a file. The last one may be shorter than Block bytes; Size is
// that of all of them.
type line struct {
	Path   string            `json:"path"`
	Offset int64             `json:"offset"`
	Size   int64             `json:"size"`
	Block  int64             `json:"block"`
	SHA256 []hallmark.Digest `json:"sha256"`
}

// refs is the index of referenced blocks: a file that only grows, and all of it in memory (about 100 bytes a block).
// What it says is never trusted: the reader hashes what it finds. So a line that cannot be read is skipped, and its
// blocks are not found until the file is added again.
type refs struct {
	mu  sync.RWMutex
	f   *os.File
	end int64 // length of the file up to its last complete line
	at  map[hallmark.Digest]ref
}

func openRefs(path string) (*refs, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of this store
	if err != nil {
		return nil, err
	}
	r := &refs{f: f, at: map[hallmark.Digest]ref{}}
	in := bufio.NewReader(f)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what has no end is what a crash left
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		r.end += int64(len(text))
		var l line
		if json.Unmarshal(text, &l) == nil {
			r.index(l)
		}
	}
	if err := f.Truncate(r.end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *refs) close() error { return r.f.Close() }

// index takes a line into memory; one that contradicts itself is left out.
func (r *refs) index(l line) {
	n := int64(len(l.SHA256))
	fits := l.Size >= 0 && l.Size <= l.Block*n && (n <= 1 || l.Size > l.Block*(n-1))
	if l.Offset < 0 || l.Block < 0 || l.Block > maxBlock || !fits {
		return
	}
	for i, d := range l.SHA256 {
		start := int64(i) * l.Block
		r.at[d] = ref{path: l.Path, offset: l.Offset + start, size: int(min(l.Block, l.Size-start))}
	}
}

// add appends lines durably. On an error the file is as it was.
func (r *refs) add(lines []line) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.f.WriteAt(text.Bytes(), r.end)
	if err == nil {
		err = r.f.Sync()
	}
	if err != nil {
		return errors.Join(err, r.f.Truncate(r.end))
	}
	r.end += int64(text.Len())
	for _, l := range lines {
		r.index(l)
	}
	return nil
}

func (r *refs) has(d hallmark.Digest) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.at[d]
	return ok
}

// read returns the bytes that a reference names as they are now, nil when there is no reference.
func (r *refs) read(d hallmark.Digest) ([]byte, error) {
	r.mu.RLock()
	at, ok := r.at[d]
	r.mu.RUnlock()
	if !ok {
		return nil, nil
	}
	f, err := os.Open(at.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the referenced file is gone: %w: %w", err, hallmark.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, at.size)
	n, err := f.ReadAt(data, at.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil // too few bytes have another hash
}

// holds reports whether the referenced bytes are still those of the block.
func (r *refs) holds(d hallmark.Digest) bool {
	data, err := r.read(d)
	return err == nil && data != nil && hallmark.DigestOf(data) == d
}
