package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/tlog"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// secrets are a server's own keys: the one that signs its claims, the log's, and the two of the chain.
type secrets struct {
	service    *sign.Key
	logPrivate string
	logPublic  string
	chain      *chain.Keys
	created    time.Time // when the service key was made, the start of its validity
}

// logOrigin names the transparency log in its checkpoints.
const logOrigin = "hallmark-log"

// passwordSource says where the password of the server's keys comes from: a file, else the environment's value, else a
// random one that is stored beside the keys (0600).
type passwordSource struct {
	file, value string
}

// openSecrets opens the keys in dir, and makes them on the first start.
func openSecrets(dir string, from passwordSource) (secrets, error) {
	var s secrets
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, fmt.Errorf("key directory: %w", err)
	}
	password, err := from.password(dir)
	if err != nil {
		return s, err
	}
	if s.service, s.created, err = openServiceKey(filepath.Join(dir, "service.key"), password); err != nil {
		return s, err
	}
	if s.logPrivate, err = openLogKey(filepath.Join(dir, "log.key")); err != nil {
		return s, err
	}
	if s.logPublic, err = tlog.PublicKey(s.logPrivate); err != nil {
		return s, err
	}
	s.chain, err = chain.LoadKeys(dir, string(password))
	if errors.Is(err, hallmark.ErrNotFound) {
		// The password is 128 random bits or of the user's choice; light scrypt keeps the first start under a second.
		s.chain, err = chain.NewKeys(dir, string(password), chain.ScryptLight)
	}
	return s, err
}

func (from passwordSource) password(dir string) ([]byte, error) {
	if from.file == "" && from.value != "" {
		return []byte(from.value), nil
	}
	path := first(from.file, filepath.Join(dir, "password"))
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && from.file == "" {
		text = []byte(rand.Text() + "\n")
		if err := writeFileAtomic(path, text, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("password of the server's keys: %w: %w", err, errUsage)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return nil, fmt.Errorf("password file %s is empty: %w", path, errUsage)
	}
	return []byte(password), nil
}

func openServiceKey(path string, password []byte) (*sign.Key, time.Time, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		private, public, err := sign.GenerateKey(password)
		if err != nil {
			return nil, time.Time{}, err
		}
		if err := writeFileAtomic(publicPath(path), public, 0o644); err != nil {
			return nil, time.Time{}, err
		}
		if err := writeFileAtomic(path, private, 0o600); err != nil { // last: it says that the pair is complete
			return nil, time.Time{}, err
		}
		text = private
	} else if err != nil {
		return nil, time.Time{}, fmt.Errorf("service key: %w", err)
	}
	key, err := sign.LoadKey(text, password)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("service key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("service key: %w", err)
	}
	return key, info.ModTime().UTC().Truncate(time.Second), nil
}

func openLogKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		private, _, err := tlog.GenerateKey(logOrigin)
		if err != nil {
			return "", err
		}
		return private, writeFileAtomic(path, []byte(private+"\n"), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("log key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// signingKeys lists the registered keys of submitters and reviewers.
type signingKeys interface {
	SigningKeys(ctx context.Context, owner int64) ([]hallmark.SigningKey, error)
}

// signer signs the service's claims and lists the keys that may be believed.
type signer struct {
	secrets secrets
	keys    signingKeys
}

// Sign implements pipeline.Signer.
func (s signer) Sign(ctx context.Context, payload []byte) (pipeline.Signed, error) {
	bundle, err := s.secrets.service.Sign(ctx, payload)
	if err != nil {
		return pipeline.Signed{}, err
	}
	checked, err := sign.Verify(bundle, s.secrets.service.PublicPEM())
	if err != nil {
		return pipeline.Signed{}, fmt.Errorf("checking our own signature: %w", err)
	}
	return pipeline.Signed{Bundle: bundle, Envelope: checked.Envelope}, nil
}

// KeyList implements pipeline.Signer: the service's key, the log's, and everyone's that was registered.
func (s signer) KeyList(ctx context.Context) ([]byte, error) {
	registered, err := s.keys.SigningKeys(ctx, 0)
	if err != nil {
		return nil, err
	}
	list := sign.KeyList{Keys: []sign.ListedKey{
		listedKey(string(s.secrets.service.PublicPEM()), "service", sign.PurposeService, s.secrets.created),
		listedKey(s.secrets.logPublic, "log", sign.PurposeLog, s.secrets.created),
	}}
	for _, k := range registered {
		purpose := sign.PurposeSubmitter
		if k.Role == hallmark.KeyReviewer {
			purpose = sign.PurposeReviewer
		}
		listed := listedKey(k.PublicPEM, fmt.Sprintf("api-key-%d", k.Owner), purpose, k.Created)
		listed.RevokedAt = k.Revoked
		list.Keys = append(list.Keys, listed)
	}
	return list.Encode()
}

func listedKey(text, owner string, purpose sign.Purpose, from time.Time) sign.ListedKey {
	return sign.ListedKey{ID: hallmark.DigestOf([]byte(text)).Hex(), Text: text, Owner: owner, Purpose: purpose, ValidFrom: from.UTC().Truncate(time.Second)}
}

// lineageVerifier checks submitters' bundles.
type lineageVerifier struct{}

// Verify implements pipeline.LineageVerifier.
func (lineageVerifier) Verify(bundle []byte, trusted []string) (pipeline.Verified, error) {
	pems := make([][]byte, len(trusted))
	for i, t := range trusted {
		pems[i] = []byte(t)
	}
	v, err := sign.Verify(bundle, pems...)
	if err != nil {
		return pipeline.Verified{}, err
	}
	return pipeline.Verified{Statement: v.Statement, Envelope: v.Envelope, KeyHint: v.KeyHint}, nil
}

// transparencyLog gives the log in the pipeline's words.
type transparencyLog struct{ *tlog.Log }

// Checkpoint implements pipeline.TransparencyLog.
func (l transparencyLog) Checkpoint(ctx context.Context) (pipeline.LogHead, error) {
	h, err := l.Log.Checkpoint(ctx)
	return pipeline.LogHead{Text: h.Text, Root: h.Root, Size: h.Size}, err
}

// anchorer puts versions on the chain in the pipeline's words.
type anchorer struct {
	*chain.Anchorer
	chainID  uint64
	contract chain.Address
}

// Anchor implements pipeline.Anchorer: the key list first, since the record counts only under it, then the log's
// checkpoint, then the version.
func (a anchorer) Anchor(ctx context.Context, r pipeline.AnchorRequest) error {
	if _, err := a.SetKeyList(ctx, chain.KeyListRecord{Digest: r.KeyList.Digest, CID: r.KeyList.CID}); err != nil {
		return err
	}
	if _, err := a.Batch(ctx, batchOf(*r.Version.Checkpoint)); err != nil {
		return err
	}
	_, err := a.Register(ctx, recordOf(r))
	return err
}

// AnchorLog implements pipeline.Anchorer.
func (a anchorer) AnchorLog(ctx context.Context, c hallmark.Checkpoint, keys pipeline.Document) error {
	if _, err := a.SetKeyList(ctx, chain.KeyListRecord{Digest: keys.Digest, CID: keys.CID}); err != nil {
		return err
	}
	_, err := a.Batch(ctx, batchOf(c))
	return err
}

// LogStatus implements pipeline.Anchorer.
func (a anchorer) LogStatus(ctx context.Context, c hallmark.Checkpoint) (hallmark.Anchor, error) {
	anchor := hallmark.Anchor{ChainID: a.chainID, Contract: a.contract.String()}
	s, err := a.Anchorer.Status(ctx, chain.BatchKey(c.Root))
	if err != nil {
		return anchor, err
	}
	anchor.State, anchor.Problem, anchor.Block = s.State, s.Trouble, s.Block
	if !s.Tx.IsZero() {
		anchor.BatchTx = s.Tx.String()
	}
	return anchor, nil
}

func batchOf(c hallmark.Checkpoint) chain.BatchRecord {
	return chain.BatchRecord{Root: c.Root, Size: c.Size, CheckpointCID: c.CID}
}

// recordOf is what stands on the chain about a version: of its lineage, what went into the last step of it that trained.
func recordOf(r pipeline.AnchorRequest) chain.VersionRecord {
	v := r.Version
	record := chain.VersionRecord{Model: v.Digest, ReportCID: v.ReportCID, EvidenceCID: v.EvidenceCID, Verdict: v.Verdict.Decision, Name: v.Name}
	for _, step := range slices.Backward(r.Submission.Lineage.Steps) {
		for _, in := range step.Inputs {
			switch {
			case in.Role == hallmark.RoleBase && record.BaseModel.IsZero() && in.Digest != v.Digest:
				record.BaseModel = in.Digest
			case in.Role == hallmark.RoleDataset && len(record.Datasets) < chain.MaxDatasets && !slices.Contains(record.Datasets, in.Digest):
				record.Datasets = append(record.Datasets, in.Digest)
			case in.Role == hallmark.RoleScript && record.GitCommit == "":
				record.GitCommit = in.GitCommit
			}
		}
	}
	return record
}

// Status implements pipeline.Anchorer.
func (a anchorer) Status(ctx context.Context, v hallmark.Version) (hallmark.Anchor, error) {
	anchor := hallmark.Anchor{ChainID: a.chainID, Contract: a.contract.String()}
	version, err := a.Anchorer.Status(ctx, chain.VersionKey(v.Digest))
	if err != nil {
		return anchor, err
	}
	batch, err := a.Anchorer.Status(ctx, chain.BatchKey(v.Checkpoint.Root))
	if err != nil {
		return anchor, err
	}
	anchor.State, anchor.Problem = version.State, first(version.Trouble, batch.Trouble)
	if depth(batch.State) < depth(version.State) {
		anchor.State = batch.State
	}
	if !version.Tx.IsZero() {
		anchor.Tx, anchor.Block = version.Tx.String(), version.Block
	}
	if !batch.Tx.IsZero() {
		anchor.BatchTx = batch.Tx.String()
	}
	return anchor, nil
}

// Retry implements pipeline.Anchorer.
func (a anchorer) Retry(ctx context.Context, v hallmark.Version) error {
	for _, key := range []string{chain.BatchKey(v.Checkpoint.Root), chain.VersionKey(v.Digest)} {
		if err := a.Anchorer.Retry(ctx, key); err != nil && !errors.Is(err, hallmark.ErrNotFound) {
			return err
		}
	}
	return nil
}

// Revoke implements pipeline.Anchorer.
func (a anchorer) Revoke(ctx context.Context, d hallmark.Digest) error {
	_, err := a.Anchorer.Revoke(ctx, d, "")
	return err
}

// depth orders anchor states; an orphaned record is the least.
func depth(s hallmark.AnchorState) int {
	return slices.Index([]hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorIncluded, hallmark.AnchorSafe, hallmark.AnchorFinal}, s)
}
