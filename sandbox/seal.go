package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// SealFile copies a regular file into a memory file that nobody can change any more and returns it, read-only, with the
// SHA-256 of exactly the bytes in it. progress, if not nil, is called with the bytes copied and their total.
func SealFile(ctx context.Context, path string, progress func(done, total int64)) (*os.File, hallmark.Digest, error) {
	// Nonblocking, not to wait for the writer of a named pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // opening what the caller names is the job
	if errors.Is(err, os.ErrNotExist) {
		return nil, hallmark.Digest{}, fmt.Errorf("seal a model: %w", errors.Join(err, hallmark.ErrNotFound))
	}
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("seal a model: %w", err)
	}
	defer f.Close()
	return sealRegular(ctx, f, progress)
}

func sealRegular(ctx context.Context, f *os.File, progress func(done, total int64)) (*os.File, hallmark.Digest, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("seal a model: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, hallmark.Digest{}, fmt.Errorf("seal a model: %s is not a regular file: %w", f.Name(), hallmark.ErrInvalid)
	}
	report := func(done int64) {
		if progress != nil {
			progress(done, info.Size())
		}
	}
	return jail.Seal(ctx, "model", io.NewSectionReader(f, 0, info.Size()), report)
}

// sealOpen returns a descriptor of our own for a sealed file with model's bytes, and their digest.
func sealOpen(ctx context.Context, model *os.File) (*os.File, hallmark.Digest, error) {
	if !jail.Sealed(model) {
		return sealRegular(ctx, model, nil)
	}
	f, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(model.Fd())))
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("open the sealed model again: %w", err)
	}
	hash := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		hash.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return f, hallmark.Digest(hash.Sum(nil)), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, hallmark.Digest{}, fmt.Errorf("hash the sealed model: %w", errors.Join(err, f.Close()))
		}
	}
}

func sealGuest(ctx context.Context, program []byte) (*os.File, hallmark.Digest, error) {
	return jail.SealProgram(ctx, bytes.NewReader(program))
}

// A TierOffer is a tier that was tried.
type TierOffer struct {
	Tier   hallmark.Tier
	Layers []string // if it works
	Err    error    // if it does not
}

// ProbeTiers starts a guest without a model in a jail of every tier but those in containers. One that this host has not gives
// hallmark.ErrUnsandboxed, with a hint.
func ProbeTiers(ctx context.Context, guest []byte) []TierOffer {
	var offers []TierOffer
	for _, tier := range []hallmark.Tier{hallmark.TierFull, hallmark.TierNoNamespaces} {
		o := TierOffer{Tier: tier}
		o.Layers, o.Err = probeGuest(ctx, guest, jail.Spec{Tier: tier})
		offers = append(offers, o)
	}
	return offers
}

func probeGuest(ctx context.Context, guest []byte, spec jail.Spec) ([]string, error) {
	program, _, err := sealGuest(ctx, guest)
	if err != nil {
		return nil, fmt.Errorf("probe the sandbox: %w", err)
	}
	defer program.Close()
	spec.Program = program
	layers, err := tryJail(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("probe the sandbox: %w", err)
	}
	return layers, nil
}

// tryJail starts a guest without a model through the whole chain of its jail, ends it, and returns the layers.
func tryJail(ctx context.Context, spec jail.Spec) ([]string, error) {
	model, _, err := jail.Seal(ctx, "empty", bytes.NewReader(nil), nil)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	spec.Model = model
	p, err := start(ctx, spec)
	if err != nil {
		return nil, err
	}
	return p.Layers(), p.Stop().Err()
}

// An Offer is what this host has of one mechanism that a jail is made of; see [jail.Host].
type Offer = jail.Offer

// Host looks at what this host offers, mechanism by mechanism.
func Host() []Offer { return jail.Host() }

// ContainerHint is what containers need for the full tier; empty outside of one.
func ContainerHint() string { return jail.ContainerHint() }
