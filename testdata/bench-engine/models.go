package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// shelf makes models and keeps them.
type shelf struct {
	dir string
	p   *peer
}

func newShelf(cache string, p *peer) *shelf { return &shelf{dir: filepath.Join(cache, "models"), p: p} }

// recipe is a model to make: a preset, and what its weights are stored as.
type recipe struct {
	preset string
	typ    string // of every matrix, as genmodel names it, or a mixture, as llama.cpp names it: Q4_K_M
}

// path returns the file of a model, which is made if it is not there.
func (s *shelf) path(ctx context.Context, r recipe) (string, error) {
	spec, ok := genmodel.Preset(r.preset)
	if !ok {
		return "", fmt.Errorf("no preset %q", r.preset)
	}
	if t, pure := genmodel.ParseType(r.typ); pure {
		spec.Type = t
		return s.keep(spec, r, func(tmp string) error { return write(tmp, spec) })
	}
	return s.keep(spec, r, func(tmp string) error {
		source, err := s.path(ctx, recipe{preset: r.preset, typ: "F16"})
		if err != nil {
			return err
		}
		return s.quantise(ctx, source, tmp, r)
	})
}

// keep returns the file that the specification and recipe name, after making it if it is not there.
func (s *shelf) keep(spec genmodel.Spec, r recipe, make func(tmp string) error) (string, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v %+v %s", spec.WithDefaults(), r, peerVersion))
	path := filepath.Join(s.dir, fmt.Sprintf("%s-%s-%s.gguf", r.preset, strings.ToLower(r.typ), hex.EncodeToString(sum[:6])))
	if exists(path) {
		return path, nil
	}
	say("making %s", filepath.Base(path))
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return "", err
	}
	tmp := path + ".part"
	if err := make(tmp); err != nil {
		_ = os.Remove(tmp) // it may not be there
		return "", fmt.Errorf("making %s: %w", path, err)
	}
	return path, os.Rename(tmp, path)
}

func write(path string, spec genmodel.Spec) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(spec.Write(w), w.Flush(), f.Close())
}

// quantise makes a model of a mixture with llama.cpp's quantiser.
func (s *shelf) quantise(ctx context.Context, source, target string, r recipe) error {
	return s.p.run(ctx, filepath.Join(s.p.bin, "llama-quantize"), source, target, r.typ, "2")
}
