package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
)

// Limits of the contract.
const (
	MaxDatasets = 16 // data sets of one version
	MaxName     = 64 // bytes of a version's name
	MaxDepth    = 64 // records of one lineage
)

// A VersionRecord is what is registered about one model version. It is public for ever.
type VersionRecord struct {
	Model       hallmark.Digest   `json:"model"`
	BaseModel   hallmark.Digest   `json:"baseModel,omitzero"`  // zero if none
	Datasets    []hallmark.Digest `json:"datasets"`            // at most MaxDatasets
	GitCommit   string            `json:"gitCommit,omitempty"` // of the training script, 40 or 64 hex digits
	ReportCID   string            `json:"reportCid,omitempty"` // of the sandbox report; empty if refused untested
	EvidenceCID string            `json:"evidenceCid"`         // of the manifest that names every signed bundle
	Verdict     hallmark.Decision `json:"verdict"`
	Name        string            `json:"name,omitempty"` // informational, at most MaxName bytes
}

// Check returns every reason why the contract would refuse the record, or nil; the reasons are ErrInvalid.
func (r VersionRecord) Check() error {
	_, err := r.registration()
	return err
}

// A BatchRecord is one checkpoint of the author's transparency log.
type BatchRecord struct {
	Root          hallmark.Digest `json:"root"`          // RFC 6962 tree head
	Size          uint64          `json:"size"`          // leaves
	CheckpointCID string          `json:"checkpointCid"` // of the signed checkpoint text, one raw block
}

// A KeyListRecord is the author's list of evidence keys.
type KeyListRecord struct {
	Digest hallmark.Digest `json:"digest"` // SHA-256 of the list
	CID    string          `json:"cid"`    // under which it can be fetched, one raw block
}

// An Anchor says where on the chain a record is.
type Anchor struct {
	Block     uint64               `json:"block"`
	BlockHash Hash                 `json:"blockHash"`
	Tx        Hash                 `json:"tx"`
	Time      time.Time            `json:"time"` // of the block
	State     hallmark.AnchorState `json:"state"`
}

// A Version is a registered version as the contract shows it.
type Version struct {
	VersionRecord
	ID           Hash      `json:"id"`                    // key of the record for getModel
	Author       Address   `json:"author"`                // whose record it is
	Registrar    Address   `json:"registrar"`             // who signed it: the author or one that it authorized
	RevokedAt    time.Time `json:"revokedAt,omitzero"`    // zero while active
	SupersededBy Hash      `json:"supersededBy,omitzero"` // ID of the successor
	Anchor       Anchor    `json:"anchor"`
}

// Revoked reports whether the record was taken back.
func (v Version) Revoked() bool { return !v.RevokedAt.IsZero() }

// A Batch is an anchored checkpoint as the contract shows it.
type Batch struct {
	BatchRecord
	Author Address `json:"author"`
	Anchor Anchor  `json:"anchor"`
}

// A KeyList is one of an author's key lists as the contract shows it.
type KeyList struct {
	KeyListRecord
	Author   Address `json:"author"`
	Sequence uint64  `json:"sequence"` // 0 for the oldest
	Anchor   Anchor  `json:"anchor"`
}

// verdicts maps decisions to the contract's enum ModelRegistry.Verdict, whose first value means none.
func verdicts() []hallmark.Decision {
	return []hallmark.Decision{"", hallmark.Allow, hallmark.Block, hallmark.Challenge, hallmark.Undecided}
}

func verdictCode(d hallmark.Decision) (uint8, error) {
	for code, known := range verdicts() {
		if code > 0 && d == known {
			return uint8(code), nil
		}
	}
	return 0, fmt.Errorf("verdict %.40q is not one of %q", d, verdicts()[1:])
}

// registration turns the record into the contract's form; author and registrar are left to the signer.
func (r VersionRecord) registration() (registry.ModelRegistryRegistration, error) {
	out := registry.ModelRegistryRegistration{
		ModelDigest:     r.Model,
		BaseModelDigest: r.BaseModel,
		DatasetDigests:  make([][32]byte, len(r.Datasets)),
		Name:            r.Name,
	}
	var errs []error
	refuse := func(broken bool, format string, args ...any) {
		if broken {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(r.Model.IsZero(), "no model digest")
	refuse(r.Model == r.BaseModel, "the model is its own base")
	refuse(len(r.Datasets) > MaxDatasets, "%d data sets, at most %d", len(r.Datasets), MaxDatasets)
	for i, d := range r.Datasets {
		refuse(d.IsZero(), "data set %d has no digest", i)
		out.DatasetDigests[i] = d
	}
	refuse(len(r.Name) > MaxName, "name has %d bytes, at most %d", len(r.Name), MaxName)
	refuse(!utf8.ValidString(r.Name), "name %q is not UTF-8", r.Name)

	commit, err := hex.DecodeString(r.GitCommit)
	refuse(err != nil || len(commit) != 0 && len(commit) != 20 && len(commit) != 32,
		"git commit %.80q: want 40 or 64 hex digits", r.GitCommit)
	out.GitCommitLength = uint8(min(len(commit), len(out.GitCommit)))
	copy(out.GitCommit[:], commit)

	if out.Verdict, err = verdictCode(r.Verdict); err != nil {
		errs = append(errs, err)
	}
	if r.ReportCID != "" {
		digest, codec, err := splitCID(r.ReportCID)
		refuse(err != nil, "report: %w", err)
		out.ReportDigest, out.ReportCodec = digest, codec
	}
	digest, codec, err := splitCID(r.EvidenceCID)
	refuse(err != nil, "evidence: %w", err)
	out.EvidenceDigest, out.EvidenceCodec = digest, codec

	if len(errs) > 0 {
		return out, fmt.Errorf("record of version %s: %w: %w", r.Model.Short(), errors.Join(errs...), hallmark.ErrInvalid)
	}
	return out, nil
}

// recordOf is the inverse of registration. The contract's values are taken as they are: it is append-only and checked
// them, and a contract that is not ours was refused by its code.
func recordOf(m registry.ModelRegistryModel) VersionRecord {
	r := VersionRecord{
		Model:       m.ModelDigest,
		BaseModel:   m.BaseModelDigest,
		Datasets:    make([]hallmark.Digest, len(m.DatasetDigests)),
		GitCommit:   hex.EncodeToString(m.GitCommit[:min(int(m.GitCommitLength), len(m.GitCommit))]),
		ReportCID:   joinCID(m.ReportDigest, m.ReportCodec),
		EvidenceCID: joinCID(m.EvidenceDigest, m.EvidenceCodec),
		Verdict:     hallmark.Undecided, // what an unknown code means
		Name:        m.Name,
	}
	for i, d := range m.DatasetDigests {
		r.Datasets[i] = d
	}
	if code := int(m.Verdict); code > 0 && code < len(verdicts()) {
		r.Verdict = verdicts()[code]
	}
	return r
}
