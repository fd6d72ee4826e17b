package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"github.com/hallmark-ml/hallmark"
)

// MaxCheckpoint bounds the text of a checkpoint in bytes.
const MaxCheckpoint = 16 << 10

// A Head is a state of the log: Text is the signed note that commits to Size leaves under Root.
type Head struct {
	Origin string
	Size   uint64
	Root   hallmark.Digest
	Text   []byte
}

// GenerateKey makes an Ed25519 note key for a log of the given origin, which must not hold spaces or a plus sign. Both
// parts are one line of text.
func GenerateKey(origin string) (private, public string, err error) {
	private, public, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("generating a note key: %w", err)
	}
	if _, err := note.NewSigner(private); err != nil {
		return "", "", fmt.Errorf("generating a note key for origin %q: %w: %w", hallmark.CleanText(origin, 100), err, hallmark.ErrInvalid)
	}
	return private, public, nil
}

// PublicKey returns the public part of a private note key. A text that is not such a key is [hallmark.ErrKey]; the error
// holds none of it.
func PublicKey(private string) (string, error) {
	// PRIVATE+KEY+<name>+<hash>+<base64 of an algorithm byte and the seed>
	fields := strings.Split(private, "+")
	signer, err := note.NewSigner(private)
	if err != nil || len(fields) < 5 {
		return "", fmt.Errorf("note key: malformed: %w", hallmark.ErrKey)
	}
	// The base64 may hold plus signs of its own.
	raw, err := base64.StdEncoding.DecodeString(strings.Join(fields[4:], "+"))
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", fmt.Errorf("note key: malformed: %w", hallmark.ErrKey)
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("note key: not Ed25519: %w", hallmark.ErrKey)
	}
	return note.NewEd25519VerifierKey(signer.Name(), public)
}

// sign returns the signed note of a head, in the form of C2SP tlog-checkpoint.
func sign(h Head, signer note.Signer) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
	return note.Sign(&note.Note{Text: text}, signer)
}

// ParseCheckpoint verifies a signed note with a public note key and returns what it commits to. The origin must be the
// key's name. A note that does not verify or is not such a checkpoint is [hallmark.ErrLogProof], a malformed key
// [hallmark.ErrKey].
func ParseCheckpoint(text []byte, public string) (Head, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: note key: %w: %w", err, hallmark.ErrKey)
	}
	if len(text) > MaxCheckpoint {
		return Head{}, fmt.Errorf("checkpoint: %d bytes, at most %d: %w", len(text), MaxCheckpoint, hallmark.ErrLogProof)
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: signature: %w: %w", err, hallmark.ErrLogProof)
	}
	h, err := parseBody(n.Text)
	if err != nil {
		return Head{}, fmt.Errorf("checkpoint: %w: %w", err, hallmark.ErrLogProof)
	}
	if h.Origin != verifier.Name() {
		return Head{}, fmt.Errorf("checkpoint: origin %q, want %q: %w", hallmark.CleanText(h.Origin, 100), verifier.Name(), hallmark.ErrLogProof)
	}
	h.Text = bytes.Clone(text)
	return h, nil
}

// parseBody reads origin, size and root; further lines are extensions, which nothing here means to understand.
func parseBody(text string) (Head, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Head{}, errors.New("not an origin, a size and a root")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return Head{}, fmt.Errorf("size %q is not a number in its shortest form", hallmark.CleanText(lines[1], 40))
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(hallmark.Digest{}) {
		return Head{}, errors.New("the root is not the base64 of 32 bytes")
	}
	return Head{Origin: lines[0], Size: size, Root: hallmark.Digest(root)}, nil
}

// VerifyInclusion checks that a leaf is at index in the tree of size leaves under root; otherwise [hallmark.ErrLogProof].
func VerifyInclusion(leaf hallmark.Digest, index, size uint64, path []hallmark.Digest, root hallmark.Digest) error {
	hash := rfc6962.DefaultHasher.HashLeaf(leaf[:])
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, hash, toRaw(path), root[:]); err != nil {
		return fmt.Errorf("inclusion of %v at %d of %d: %w: %w", leaf, index, size, err, hallmark.ErrLogProof)
	}
	return nil
}

// VerifyConsistency checks that the tree of size to extends the tree of size from; otherwise [hallmark.ErrLogProof].
func VerifyConsistency(from, to uint64, path []hallmark.Digest, fromRoot, toRoot hallmark.Digest) error {
	if from == 0 && fromRoot != hallmark.Digest(rfc6962.DefaultHasher.EmptyRoot()) {
		return fmt.Errorf("consistency: the empty tree has another root: %w", hallmark.ErrLogProof)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, from, to, toRaw(path), fromRoot[:], toRoot[:]); err != nil {
		return fmt.Errorf("consistency from %d to %d: %w: %w", from, to, err, hallmark.ErrLogProof)
	}
	return nil
}

func readPublished(dir, public string) (Head, error) {
	text, err := os.ReadFile(filepath.Join(dir, layout.CheckpointPath)) //nolint:gosec // a file of this log
	if err != nil {
		return Head{}, err
	}
	return ParseCheckpoint(text, public)
}

// checkPublished refuses to continue a log that another key signed.
func checkPublished(dir, public string) error {
	_, err := readPublished(dir, public)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a new log
		return nil
	case errors.Is(err, hallmark.ErrLogProof):
		return fmt.Errorf("its checkpoint is not of this key: %w: %w", err, hallmark.ErrKey)
	default:
		return err
	}
}

// checkConsistent refuses files that are not a continuation of the published checkpoint.
func (l *Log) checkConsistent(ctx context.Context, dir, public string) error {
	published, err := readPublished(dir, public)
	if errors.Is(err, fs.ErrNotExist) { // a crash came between the first tree and its checkpoint
		return nil
	}
	if err != nil {
		return err
	}
	now, err := l.head(ctx)
	if err != nil {
		return err
	}
	if published.Size > now.Size {
		return fmt.Errorf("%d leaves are published and %d are there: %w", published.Size, now.Size, hallmark.ErrLogProof)
	}
	path, err := l.Consistency(ctx, published.Size, now.Size)
	if err != nil {
		return err
	}
	return VerifyConsistency(published.Size, now.Size, path, published.Root, now.Root)
}

func toRaw(path []hallmark.Digest) [][]byte {
	raw := make([][]byte, len(path))
	for i := range path {
		raw[i] = path[i][:]
	}
	return raw
}

func fromRaw(raw [][]byte) []hallmark.Digest {
	path := make([]hallmark.Digest, len(raw))
	for i := range raw {
		path[i] = hallmark.Digest(raw[i])
	}
	return path
}
