package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/hallmark-ml/hallmark"
)

// WalkOptions bounds a walk.
type WalkOptions struct {
	// Skip leaves out an entry, and for a directory all below it, before it is judged or opened. Optional.
	Skip func(rel string) bool
	// MaxEntries bounds files and directories together. Optional; 65,536 if zero.
	MaxEntries int
	// MaxDepth bounds how many directories lie above a file, the root not counted. Optional; 64 if zero.
	MaxDepth int
}

const (
	defaultMaxEntries = 1 << 16
	defaultMaxDepth   = 64
	readDirBatch      = 1024
)

// Walk calls visit for every regular file under path, or for path itself if it is one, in component order (that of the
// OMS reference: directories in the order of their name, not of the joined path). rel is relative to path and uses
// slashes; it is "" if path is a file. f is open for reading and closed after the call; size is its length.
//
// Symbolic links, devices, sockets, FIFOs, and names that are not plain text are refused with [hallmark.ErrInvalid],
// trees over a bound with [hallmark.ErrTooLarge], and a tree or file that changed in the meantime, in content, size,
// times or identity, with [hallmark.ErrConflict]. Nothing outside path is opened, whatever is swapped in meanwhile.
func Walk(ctx context.Context, path string, opt WalkOptions, visit func(rel string, f *os.File, size int64) error) error {
	t, err := openTree(ctx, path, opt)
	if err != nil {
		return err
	}
	defer t.close()
	for _, e := range t.entries {
		if e.dir {
			continue
		}
		if err := t.visit(ctx, e, visit); err != nil {
			return err
		}
	}
	return t.unchanged(ctx)
}

// An identity tells a file from a changed or replaced one.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func identify(fi fs.FileInfo) (identity, error) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("%s: no file identity: %w", fi.Name(), hallmark.ErrInvalid)
	}
	return identity{dev: st.Dev, ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}, nil
}

// An entry is a file or directory as the survey saw it.
type entry struct {
	rel string // "" for the root
	dir bool
	id  identity
}

// A tree is a surveyed file or directory. Exactly one of file and root is set.
type tree struct {
	path    string
	opt     WalkOptions
	file    *os.File
	root    *os.Root
	entries []entry // in component order, a directory before what it holds, the root included
}

// openTree surveys path without following a symbolic link and without opening anything but directories and path itself.
func openTree(ctx context.Context, path string, opt WalkOptions) (*tree, error) {
	if opt.MaxEntries == 0 {
		opt.MaxEntries = defaultMaxEntries
	}
	if opt.MaxDepth == 0 {
		opt.MaxDepth = defaultMaxDepth
	}
	t := &tree{path: path, opt: opt}
	fi, err := os.Lstat(path)
	if err != nil {
		return nil, missing(err)
	}
	if err := checkType(path, fi.Mode()); err != nil {
		return nil, err
	}
	if fi.IsDir() {
		t.root, err = os.OpenRoot(path)
	} else {
		// Without O_NONBLOCK a FIFO that was swapped in would block for ever.
		t.file, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // G304: the caller names the artifact
	}
	if err != nil {
		return nil, missing(err)
	}
	if t.entries, err = t.survey(ctx); err != nil {
		t.close()
		return nil, err
	}
	if id, err := identify(fi); err != nil || t.entries[0].id != id {
		t.close()
		return nil, changed(path)
	}
	return t, nil
}

func (t *tree) close() {
	if t.file != nil {
		_ = t.file.Close() // read only
	}
	if t.root != nil {
		_ = t.root.Close()
	}
}

func (t *tree) survey(ctx context.Context) ([]entry, error) {
	if t.file != nil {
		fi, err := t.file.Stat()
		if err != nil {
			return nil, err
		}
		if err := checkType(t.path, fi.Mode()); err != nil {
			return nil, err
		}
		id, err := identify(fi)
		return []entry{{id: id}}, err
	}
	return t.surveyDir(ctx, nil, "", 0)
}

// surveyDir appends the directory rel and everything below it.
func (t *tree) surveyDir(ctx context.Context, out []entry, rel string, depth int) ([]entry, error) {
	if depth > t.opt.MaxDepth {
		return nil, fmt.Errorf("%s: directories nested deeper than %d: %w", t.name(rel), t.opt.MaxDepth, hallmark.ErrTooLarge)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := t.root.Open(path.Join(".", rel))
	if err != nil {
		return nil, missing(err)
	}
	defer dir.Close()
	fi, err := dir.Stat()
	if err != nil {
		return nil, err
	}
	id, err := identify(fi)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, changed(t.name(rel))
	}
	out = append(out, entry{rel: rel, dir: true, id: id})
	names, err := t.names(dir, rel, len(out))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		child := path.Join(rel, name)
		fi, err := t.root.Lstat(child)
		if err != nil {
			return nil, changed(t.name(child)) // it was listed a moment ago
		}
		if err := checkType(t.name(child), fi.Mode()); err != nil {
			return nil, err
		}
		if len(out) >= t.opt.MaxEntries {
			return nil, t.tooMany()
		}
		if fi.IsDir() {
			out, err = t.surveyDir(ctx, out, child, depth+1)
		} else {
			id, err = identify(fi)
			out = append(out, entry{rel: child, id: id})
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// names lists a directory, sorted, without the skipped names. have counts the entries found so far.
func (t *tree) names(dir *os.File, rel string, have int) ([]string, error) {
	var names []string
	for {
		batch, err := dir.Readdirnames(readDirBatch)
		for _, name := range batch {
			if t.opt.Skip == nil || !t.opt.Skip(path.Join(rel, name)) {
				names = append(names, name)
			}
		}
		if have+len(names) > t.opt.MaxEntries {
			return nil, t.tooMany()
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", t.name(rel), err)
		}
	}
	slices.Sort(names)
	forms := make(map[string]struct{}, len(names))
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return nil, fmt.Errorf("in %s: %w", t.name(rel), err)
		}
		form := norm.NFC.String(name)
		if _, twin := forms[form]; twin {
			return nil, fmt.Errorf("in %s: two entries are named %q in different Unicode forms: %w", t.name(rel), form, hallmark.ErrInvalid)
		}
		forms[form] = struct{}{}
	}
	return names, nil
}

// visit opens one surveyed file and proves that it is that file. That it still is afterwards, unchanged shows for all.
func (t *tree) visit(ctx context.Context, e entry, visit func(rel string, f *os.File, size int64) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f := t.file
	if t.root != nil {
		var err error
		if f, err = t.root.OpenFile(e.rel, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
			return fmt.Errorf("%s: %w: %w", t.name(e.rel), err, hallmark.ErrConflict)
		}
		defer f.Close()
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if id, err := identify(fi); err != nil || id != e.id {
		return changed(t.name(e.rel))
	}
	return visit(e.rel, f, e.id.size)
}

// unchanged surveys again and compares.
func (t *tree) unchanged(ctx context.Context) error {
	again, err := t.survey(ctx)
	if err != nil {
		return err
	}
	for i := range min(len(again), len(t.entries)) {
		if again[i] != t.entries[i] {
			return changed(t.name(t.entries[i].rel))
		}
	}
	if len(again) != len(t.entries) {
		return changed(t.path)
	}
	return nil
}

func (t *tree) name(rel string) string { return path.Join(t.path, rel) }

func (t *tree) tooMany() error {
	return fmt.Errorf("%s: more than %d files and directories: %w", t.path, t.opt.MaxEntries, hallmark.ErrTooLarge)
}

func changed(name string) error {
	return fmt.Errorf("%s changed while it was read: %w", name, hallmark.ErrConflict)
}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", err, hallmark.ErrNotFound)
	}
	return err
}

func checkType(name string, mode fs.FileMode) error {
	var kind string
	switch {
	case mode.IsRegular() || mode.IsDir():
		return nil
	case mode&fs.ModeSymlink != 0:
		return hallmark.WithHint(fmt.Errorf("%s is a symbolic link: %w", name, hallmark.ErrInvalid), "copy the files that it points to, for example with cp -rL")
	case mode&fs.ModeNamedPipe != 0:
		kind = "FIFO"
	case mode&fs.ModeSocket != 0:
		kind = "socket"
	default:
		kind = "device"
	}
	return fmt.Errorf("%s is a %s, not a file or directory: %w", name, kind, hallmark.ErrInvalid)
}

// CheckName accepts one component of a path that has the same bytes and meaning everywhere: valid UTF-8 without
// control characters and without a backslash, which sha256sum escapes and other systems read as a separator.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("name %q is not a file name: %w", name, hallmark.ErrInvalid)
	case len(name) > 255:
		return fmt.Errorf("name %.40q... is longer than 255 bytes: %w", name, hallmark.ErrTooLarge)
	case !utf8.ValidString(name):
		return fmt.Errorf("name %q is not valid UTF-8: %w", name, hallmark.ErrInvalid)
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || r == '\\' || r == '/' || r == '\u2028' || r == '\u2029'
	}):
		return fmt.Errorf("name %q has a control character or separator: %w", name, hallmark.ErrInvalid)
	default:
		return nil
	}
}
