package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// maxScanFiles bounds the files of one run.
const maxScanFiles = 1 << 20

// A scannedFile is one path below what was named on the command line.
type scannedFile struct {
	path string   // as the user would write it
	name string   // its base name, which the scanner compares with the content
	file *os.File // nil if there is a problem
	mode fs.FileMode
	size int64
	// sibling returns the size of a plain file by its path below the directory that this one is in.
	sibling func(location string) (int64, bool)

	rule, problem string
}

// walkFiles visits every file at or below paths, in lexical order. Links, devices and what cannot be opened are visited
// with their problem. Nothing outside of a named directory is opened, whatever is swapped in meanwhile.
func walkFiles(ctx context.Context, paths []string, visit func(f scannedFile, done, total int64) error) error {
	trees, err := surveyTrees(ctx, paths)
	if err != nil {
		return err
	}
	defer trees.close()
	done := int64(0)
	for t, rel := range trees.files() {
		if err := ctx.Err(); err != nil {
			return err
		}
		done++
		if err := t.visit(rel, func(f scannedFile) error { return visit(f, done, trees.total) }); err != nil {
			return err
		}
	}
	return nil
}

// fileTrees are what stands on the command line, with the number of all files.
type fileTrees struct {
	list  []fileTree
	total int64
}

// surveyTrees opens the directories and lists what is in them. The caller closes them.
func surveyTrees(ctx context.Context, paths []string) (fileTrees, error) {
	var trees fileTrees
	for _, path := range paths {
		if err := trees.add(ctx, path); err != nil {
			trees.close()
			return fileTrees{}, err
		}
	}
	return trees, nil
}

func (l *fileTrees) add(ctx context.Context, path string) error {
	t, err := surveyTree(ctx, path)
	if err != nil {
		return err
	}
	l.list = append(l.list, t)
	if len(t.files) == 0 {
		return hallmark.WithHint(fmt.Errorf("%s holds no files, and nothing is not safe: %w", path, errUsage), "name a file, or a directory with files in it")
	}
	if l.total += int64(len(t.files)); l.total > maxScanFiles {
		return fmt.Errorf("more than %d files: %w", maxScanFiles, hallmark.ErrTooLarge)
	}
	return nil
}

func (l *fileTrees) close() {
	for _, t := range l.list {
		_ = t.root.Close() // only read from
	}
}

// files are all files with their trees, in order.
func (l *fileTrees) files() iter.Seq2[fileTree, string] {
	return func(yield func(fileTree, string) bool) {
		for _, t := range l.list {
			for _, rel := range t.files {
				if !yield(t, rel) {
					return
				}
			}
		}
	}
}

// A fileTree is a directory, or the directory of one named file.
type fileTree struct {
	root   *os.Root
	prefix string   // what stands before the names below it
	files  []string // everything that is no directory
}

func surveyTree(ctx context.Context, path string) (fileTree, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return fileTree{}, notThere(path, err)
	}
	t := fileTree{prefix: filepath.Clean(path)}
	dir := t.prefix
	if !info.IsDir() {
		dir, t.files = filepath.Dir(t.prefix), []string{filepath.Base(t.prefix)}
		t.prefix = dir
	}
	if t.root, err = os.OpenRoot(dir); err != nil {
		return t, fmt.Errorf("open %s: %w: %w", dir, err, errUsage)
	}
	if !info.IsDir() {
		return t, nil
	}
	err = fs.WalkDir(t.root.FS(), ".", func(rel string, e fs.DirEntry, err error) error {
		if err != nil && e == nil {
			return err
		}
		if err != nil || !e.IsDir() { // a directory that cannot be read is visited, with its problem
			t.files = append(t.files, rel)
		}
		if len(t.files) > maxScanFiles {
			return hallmark.ErrTooLarge
		}
		return ctx.Err()
	})
	if err != nil {
		return t, errors.Join(fmt.Errorf("look through %s: %w", path, err), t.root.Close())
	}
	return t, nil
}

// visit opens one file. It is not waited for, should it be a pipe, and a link is not followed.
func (t fileTree) visit(rel string, visit func(scannedFile) error) error {
	f := scannedFile{path: filepath.Join(t.prefix, rel), name: filepath.Base(rel)}
	info, err := t.root.Lstat(rel)
	switch {
	case err != nil:
		f.rule, f.problem = scan.RuleCannotParse, "the file cannot be opened: "+reason(err)
	case !info.Mode().IsRegular() && !info.IsDir():
		f.rule, f.problem = scan.RuleLink, "the path is a link, a device, a pipe or a socket, which is not followed"
	default:
		f.file, err = t.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err == nil {
			defer f.file.Close()
			info, err = f.file.Stat()
		}
		if err == nil && !info.Mode().IsRegular() {
			err = hallmark.ErrInvalid
		}
		if err != nil {
			f.rule, f.problem = scan.RuleCannotParse, "the file cannot be opened: "+reason(err)
			break
		}
		f.mode, f.size = info.Mode(), info.Size()
		f.sibling = func(location string) (int64, bool) {
			info, err := t.root.Lstat(filepath.Join(filepath.Dir(rel), filepath.FromSlash(location)))
			if err != nil || !info.Mode().IsRegular() {
				return 0, false
			}
			return info.Size(), true
		}
	}
	return visit(f)
}

// reason is why a file cannot be opened, without its path, which stands beside it.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
