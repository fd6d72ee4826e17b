package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// A Sealed is a file's bytes in memory, which nobody can change any more, and their SHA-256. [Seal] and [SealFile] alone make
// one, so that nothing else has to hash a model again.
type Sealed struct {
	file   *os.File
	digest hallmark.Digest // taken of the bytes in file after they were sealed
}

// SealFile is [Seal] of the file at a path. There being none is hallmark.ErrNotFound.
func SealFile(ctx context.Context, path string) (*Sealed, error) {
	// Nonblocking, not to wait for the writer of a named pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // opening what the caller names is the job
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("seal a model: %w", errors.Join(err, hallmark.ErrNotFound))
	}
	if err != nil {
		return nil, fmt.Errorf("seal a model: %w", err)
	}
	defer f.Close()
	return Seal(ctx, f)
}

// Seal copies an open file, which has to be a regular one, from its beginning. The caller keeps f.
func Seal(ctx context.Context, f *os.File) (*Sealed, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("seal a model: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("seal a model: %s is not a regular file: %w", f.Name(), hallmark.ErrInvalid)
	}
	s := &Sealed{}
	s.file, s.digest, err = jail.Seal(ctx, "model", io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Digest is the SHA-256 of exactly the sealed bytes.
func (s *Sealed) Digest() hallmark.Digest { return s.digest }

// Close gives the memory back when no session uses it any more.
func (s *Sealed) Close() error { return s.file.Close() }

// again returns a descriptor of its own for the same bytes.
func (s *Sealed) again() (*os.File, error) {
	f, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(s.file.Fd())))
	if err != nil {
		return nil, fmt.Errorf("open the sealed model again: %w", err)
	}
	return f, nil
}

// A Guest is the program of jailed processes, in memory that nobody can change any more. Any number of them run from one.
type Guest struct {
	file   *os.File
	digest hallmark.Digest
}

// SealGuest copies a program. It takes some milliseconds, so that who starts many guests seals theirs once.
func SealGuest(ctx context.Context, program []byte) (*Guest, error) {
	if len(program) == 0 {
		return nil, fmt.Errorf("seal the guest: no program: %w", hallmark.ErrInvalid)
	}
	file, digest, err := jail.SealProgram(ctx, bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("seal the guest: %w", err)
	}
	return &Guest{file: file, digest: digest}, nil
}

// Close gives the memory back when no process runs from it any more.
func (g *Guest) Close() error { return g.file.Close() }

// A TierOffer is a tier that was tried.
type TierOffer struct {
	Tier   hallmark.Tier
	Layers []string // if it works
	Err    error    // if it does not
}

// ProbeTiers starts a guest without a model in a jail of every tier but those in containers. One that this host has not gives
// hallmark.ErrUnsandboxed, with a hint.
func ProbeTiers(ctx context.Context, guest *Guest) []TierOffer {
	var offers []TierOffer
	for _, tier := range []hallmark.Tier{hallmark.TierFull, hallmark.TierNoNamespaces} {
		o := TierOffer{Tier: tier}
		o.Layers, o.Err = probeGuest(ctx, guest, jail.Spec{Tier: tier})
		offers = append(offers, o)
	}
	return offers
}

func probeGuest(ctx context.Context, guest *Guest, spec jail.Spec) ([]string, error) {
	spec.Program = guest.file
	layers, err := tryJail(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("probe the sandbox: %w", err)
	}
	return layers, nil
}

// tryJail starts a guest without a model through the whole chain of its jail, ends it, and returns the layers.
func tryJail(ctx context.Context, spec jail.Spec) ([]string, error) {
	model, _, err := jail.Seal(ctx, "empty", bytes.NewReader(nil))
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
