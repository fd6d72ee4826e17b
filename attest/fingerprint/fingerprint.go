package fingerprint

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Options says what to compute and within which bounds.
type Options struct {
	// Kind is recorded in the fingerprint. Required.
	Kind hallmark.ArtifactKind
	// Name is recorded as the artifact's name and, for a single file, as its path. Optional; the base name of the path
	// if empty, which says nothing where files are stored under their digest.
	Name string
	// Tensors returns where the tensors of one file lie, sorted by offset; none for a file that holds none. It is given
	// the descriptor whose bytes will be hashed and may read it, but not close it. rel is the path in the artifact, the
	// name for a single file. Optional; without it no tensor is hashed.
	Tensors func(ctx context.Context, rel string, f *os.File, size int64) ([]hallmark.TensorRange, error)
	// Progress is called after each piece that was hashed with bytes done and bytes in all. Optional.
	Progress func(done, total int64)
	// Walk bounds the tree; its Skip must be nil, since a fingerprint leaves nothing out.
	Walk WalkOptions
}

// Compute reads the file or directory at path once and returns its fingerprint. Files are listed in component order.
//
// Besides the errors of [Walk]: a directory without files, or with git's own files only, is [hallmark.ErrInvalid], and
// so are tensor ranges that do not fit the file.
func Compute(ctx context.Context, path string, opt Options) (hallmark.Fingerprint, error) {
	if opt.Walk.Skip != nil {
		panic("fingerprint: a fingerprint leaves nothing out") // bug of the caller
	}
	t, err := openTree(ctx, path, opt.Walk)
	if err != nil {
		return hallmark.Fingerprint{}, fmt.Errorf("fingerprint: %w", err)
	}
	defer t.close()
	fp, err := t.fingerprint(ctx, opt)
	if err != nil {
		return hallmark.Fingerprint{}, fmt.Errorf("fingerprint: %w", err)
	}
	return fp, nil
}

func (t *tree) fingerprint(ctx context.Context, opt Options) (hallmark.Fingerprint, error) {
	base, err := name(opt.Name, t.path)
	if err != nil {
		return hallmark.Fingerprint{}, err
	}
	fp := hallmark.Fingerprint{Name: base, Kind: opt.Kind, Dir: t.root != nil, CIDProfile: hallmark.CIDProfile}
	h := hasher{opt: opt, buf: make([]byte, leafSize)}
	for _, e := range t.entries {
		if !e.dir {
			h.total += e.id.size
		}
	}
	links := make([]link, len(t.entries)) // of files, by entry
	for i, e := range t.entries {
		if e.dir {
			continue
		}
		err := t.visit(ctx, e, func(rel string, f *os.File, size int64) error {
			if !fp.Dir {
				rel = base
			}
			got, err := h.file(ctx, rel, f, size)
			links[i], fp.Files, fp.Tensors = got.root, append(fp.Files, got.file), append(fp.Tensors, got.tensors...)
			return err
		})
		if err != nil {
			return hallmark.Fingerprint{}, err
		}
	}
	if err := t.unchanged(ctx); err != nil {
		return hallmark.Fingerprint{}, err
	}
	if len(fp.Files) == 0 {
		return hallmark.Fingerprint{}, fmt.Errorf("%s holds no file: %w", t.path, hallmark.ErrInvalid)
	}
	fp.Size = h.total
	return fp, t.digests(&fp, links)
}

// digests fills in what follows from the files' digests and links.
func (t *tree) digests(fp *hallmark.Fingerprint, links []link) error {
	fp.Digest, fp.OMSRoot = fp.Files[0].SHA256, OMSRoot(fp.Files)
	root := links[0]
	if fp.Dir {
		fp.OMSRoot = OMSRoot(OMSFiles(fp.Files))
		if fp.OMSRoot.IsZero() {
			return fmt.Errorf("%s holds nothing but git's own files: %w", t.path, hallmark.ErrInvalid)
		}
		fp.Digest = DirHash(fp.Files)
		var err error
		if root, _, err = t.directoryLink(0, links); err != nil {
			return fmt.Errorf("%s: %w", t.path, err)
		}
	}
	fp.CID = root.text()
	return nil
}

// directoryLink builds the DAG of the directory at entries[i]; next is the first entry that is not below it.
func (t *tree) directoryLink(i int, links []link) (root link, next int, err error) {
	dir := t.entries[i]
	prefix := dir.rel + "/"
	if dir.rel == "" {
		prefix = ""
	}
	var children []link
	for next = i + 1; next < len(t.entries) && strings.HasPrefix(t.entries[next].rel, prefix); {
		e := t.entries[next]
		child := links[next]
		if e.dir {
			if child, next, err = t.directoryLink(next, links); err != nil {
				return link{}, 0, err
			}
		} else {
			next++
		}
		child.name = path.Base(e.rel)
		children = append(children, child)
	}
	root, err = directory(children)
	return root, next, err
}

// name is the given name or else the last component of the path, made absolute so that "." has one.
func name(given, p string) (string, error) {
	if given == "" {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		given = filepath.Base(abs)
	}
	return given, CheckName(given)
}

// hashed is what one read of a file gives.
type hashed struct {
	file    hallmark.FileDigest
	tensors []hallmark.TensorDigest
	root    link
}

// A hasher takes all digests of a file in one read. It is used for one file after another.
type hasher struct {
	opt         Options
	buf         []byte // leafSize bytes
	done, total int64
}

func (h *hasher) file(ctx context.Context, rel string, f *os.File, size int64) (hashed, error) {
	tensors, err := h.tensors(ctx, rel, f, size)
	if err != nil {
		return hashed{}, err
	}
	whole := sha256.New()
	var dag fileDAG
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return hashed{}, err
		}
		piece := h.buf[:min(int64(len(h.buf)), size-off)]
		if _, err := f.ReadAt(piece, off); err != nil {
			if errors.Is(err, io.EOF) {
				return hashed{}, changed(rel)
			}
			return hashed{}, fmt.Errorf("read %s at %d: %w", rel, off, err)
		}
		whole.Write(piece)
		dag.add(rawLeaf(sha256.Sum256(piece), uint64(len(piece))))
		tensors.write(piece, off)
		off += int64(len(piece))
		h.done += int64(len(piece))
		if h.opt.Progress != nil {
			h.opt.Progress(h.done, h.total)
		}
	}
	tensors.write(nil, size) // tensors without bytes at the very end
	got := hashed{file: hallmark.FileDigest{Path: rel, Size: size}, tensors: tensors.out, root: dag.root()}
	whole.Sum(got.file.SHA256[:0])
	return got, nil
}

func (h *hasher) tensors(ctx context.Context, rel string, f *os.File, size int64) (*tensorHasher, error) {
	t := &tensorHasher{file: rel, sum: sha256.New()}
	if h.opt.Tensors == nil {
		return t, nil
	}
	ranges, err := h.opt.Tensors(ctx, rel, f, size)
	if err != nil {
		return nil, fmt.Errorf("tensors of %s: %w", rel, err)
	}
	if err := hallmark.CheckTensorRanges(ranges, size); err != nil {
		return nil, fmt.Errorf("tensors of %s: %w", rel, err)
	}
	t.ranges = ranges
	return t, nil
}

// A tensorHasher cuts a stream of pieces into tensors. The ranges are sorted, disjoint and inside the file.
type tensorHasher struct {
	file   string
	ranges []hallmark.TensorRange // those not yet complete
	sum    hash.Hash              // of the first range, as far as it was seen
	out    []hallmark.TensorDigest
}

// write takes the bytes at off; pieces follow one another without a gap.
func (t *tensorHasher) write(piece []byte, off int64) {
	end := off + int64(len(piece))
	for len(t.ranges) > 0 && t.ranges[0].Offset <= end {
		r := t.ranges[0]
		stop := min(r.Offset+r.Size, end)
		if start := max(r.Offset, off); start < stop {
			t.sum.Write(piece[start-off : stop-off])
		}
		if stop < r.Offset+r.Size {
			return
		}
		d := hallmark.TensorDigest{File: t.file, Name: r.Name, Offset: r.Offset, Size: r.Size}
		t.sum.Sum(d.SHA256[:0])
		t.sum.Reset()
		t.out, t.ranges = append(t.out, d), t.ranges[1:]
	}
}

// DirHash returns the name-bound digest of a directory: in-toto's dirHash, which is golang.org/x/mod/sumdb/dirhash Hash1
// in hex, and that of the shell:
//
//	find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum
//
// Empty directories do not count. The order of files does not matter.
func DirHash(files []hallmark.FileDigest) hallmark.Digest {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b hallmark.FileDigest) int { return strings.Compare(a.Path, b.Path) })
	sum := sha256.New()
	for _, f := range sorted {
		fmt.Fprintf(sum, "%s  %s\n", f.SHA256.Hex(), f.Path)
	}
	var d hallmark.Digest
	sum.Sum(d[:0])
	return d
}

// OMSIgnored lists what OpenSSF Model Signing leaves out at the top of a model directory.
func OMSIgnored() []string { return []string{".git", ".gitattributes", ".github", ".gitignore"} }

// OMSFiles returns the files of a directory that its OMS manifest covers: all but git's own at the top.
func OMSFiles(files []hallmark.FileDigest) []hallmark.FileDigest {
	ignored := OMSIgnored()
	return slices.Collect(func(yield func(hallmark.FileDigest) bool) {
		for _, f := range files {
			top, _, _ := strings.Cut(f.Path, "/")
			if !slices.Contains(ignored, top) && !yield(f) {
				return
			}
		}
	})
}

// OMSRoot returns the root digest of OpenSSF Model Signing v1.0 with method "files": SHA-256 over the raw digests in
// the listed order. It binds no names. Without files it is zero.
func OMSRoot(files []hallmark.FileDigest) hallmark.Digest {
	if len(files) == 0 {
		return hallmark.Digest{}
	}
	sum := sha256.New()
	for _, f := range files {
		sum.Write(f.SHA256[:])
	}
	var d hallmark.Digest
	sum.Sum(d[:0])
	return d
}
