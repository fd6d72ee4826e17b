package oms

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// VerifyOptions says what a verifier tolerates.
type VerifyOptions struct {
	// Signature is the path of the signature file inside the model, relative; it does not count as part of it. Optional.
	Signature string
	// Walk bounds the tree. Its Skip is not used.
	Walk fingerprint.WalkOptions
}

// loadable lists endings of files that a loader may execute or take weights from. A signer cannot have them ignored.
func loadable(rel string) bool {
	switch strings.ToLower(path.Ext(rel)) {
	case ".bin", ".ckpt", ".dll", ".ggml", ".gguf", ".h5", ".jinja", ".joblib", ".json", ".keras", ".model", ".npy", ".npz",
		".onnx", ".pb", ".pickle", ".pkl", ".pt", ".pth", ".py", ".pyc", ".safetensors", ".sh", ".so", ".tflite", ".txt", ".yaml", ".yml":
		return true
	default:
		return false
	}
}

// Verify compares the file or directory at root with the manifest. Content that differs is a
// [hallmark.DigestMismatchError]; a file that is missing, that nobody signed, or whose length differs is
// [hallmark.ErrDigest]; an ignored file that a loader might take is [hallmark.ErrRefused]. Symbolic links are never
// followed, and everything else that [fingerprint.Walk] refuses is refused.
//
// With method shards an empty file is in no manifest, so it counts as one that nobody signed.
func (m *Manifest) Verify(ctx context.Context, root string, opt VerifyOptions) error {
	if err := m.verify(ctx, root, opt); err != nil {
		return fmt.Errorf("OMS verify %s: %w", root, err)
	}
	return nil
}

func (m *Manifest) verify(ctx context.Context, root string, opt VerifyOptions) error {
	want := make(map[string][]Resource)
	for _, r := range m.Resources {
		want[r.Path] = append(want[r.Path], r)
	}
	opt.Walk.Skip = func(rel string) bool {
		return rel == opt.Signature || slices.Contains(fingerprint.OMSIgnored(), rel) && !m.lists(rel)
	}
	err := fingerprint.Walk(ctx, root, opt.Walk, func(rel string, f *os.File, size int64) error {
		key := rel
		if rel == "" { // the model is one file: "." in the reference, its name in the specification
			if key = singleFile; want[key] == nil {
				key = filepath.Base(root)
			}
		}
		resources, signed := want[key]
		delete(want, key)
		switch {
		case signed:
			return check(ctx, key, resources, m.Method, f, size)
		case !m.ignored(rel):
			return fmt.Errorf("%s is in the model but not in the signed manifest: %w", key, hallmark.ErrDigest)
		case loadable(rel):
			return fmt.Errorf("%s is ignored by the signer, but a loader may take it: %w", key, hallmark.ErrRefused)
		default:
			return nil
		}
	})
	if err != nil {
		return err
	}
	for p := range want {
		return fmt.Errorf("%s is in the signed manifest but not in the model: %w", p, hallmark.ErrDigest)
	}
	return nil
}

// check compares one file with its resource, or with its shards.
func check(ctx context.Context, name string, resources []Resource, method string, f *os.File, size int64) error {
	if method == MethodFiles {
		resources = []Resource{{Path: resources[0].Path, End: size, SHA256: resources[0].SHA256}}
	}
	if end := resources[len(resources)-1].End; end != size {
		return fmt.Errorf("%s has %d bytes, %d are signed: %w", name, size, end, hallmark.ErrDigest)
	}
	buf := make([]byte, 1<<20)
	for _, r := range resources {
		sum := sha256.New()
		section := io.NewSectionReader(f, r.Start, r.End-r.Start)
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := section.Read(buf)
			sum.Write(buf[:n])
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
		}
		var got hallmark.Digest
		sum.Sum(got[:0])
		if got != r.SHA256 {
			return &hallmark.DigestMismatchError{What: name, Want: r.SHA256, Got: got}
		}
	}
	return nil
}
