package pipeline

import (
	"context"

	"github.com/hallmark-ml/hallmark"
)

// A Store keeps rows; its writes are durable when they return. Errors: ErrNotFound for what is not there,
// ErrConflict for what another value holds, ErrUnavailable for a busy or closed database.
type Store interface {
	Submissions
	Versions
	Journal
	EventLog
}

// Submissions is the part of the store that the submit step calls.
type Submissions interface {
	PutArtifact(ctx context.Context, a hallmark.Artifact) error
	Artifact(ctx context.Context, d hallmark.Digest) (hallmark.Artifact, error)
	// SigningKeys returns the keys registered for an API key; 0 is all of them.
	SigningKeys(ctx context.Context, owner int64) ([]hallmark.SigningKey, error)
	// Submit accepts s and enqueues its first job, in one transaction. The ID of both is set by the store. It returns the
	// submission that stands and whether that is s: the same model, policy, profile and lineage, or the same idempotency
	// key of one owner, give the first one. The same model with another policy, profile or lineage is ErrConflict,
	// unless its version failed: then s takes its place.
	Submit(ctx context.Context, s hallmark.Submission, idempotencyKey string, first hallmark.Job) (hallmark.Submission, bool, error)
	Submission(ctx context.Context, id string) (hallmark.Submission, error)
}

// Versions is the part of the store that every step calls.
type Versions interface {
	Version(ctx context.Context, d hallmark.Digest) (hallmark.Version, error)
	// VersionsIn returns the versions in a state. Rows that cannot be read are left out and named in the error, beside
	// the ones that can.
	VersionsIn(ctx context.Context, s hallmark.State) ([]hallmark.Version, error)
	// PreviousVersion returns the newest version of the same name that was submitted before and has a report.
	PreviousVersion(ctx context.Context, d hallmark.Digest) (hallmark.Version, error)
	// Apply writes a change that no job stands behind, and enqueues its job.
	Apply(ctx context.Context, c hallmark.Change) error
}

// A Journal keeps the completed cases of a run, so that an interrupted one goes on where it stopped.
type Journal interface {
	// BeginRun returns the cases of a submission's run that are complete, in the order in which they were added. Cases
	// of another run (an older suite or engine) are forgotten.
	BeginRun(ctx context.Context, submission, run string) ([]hallmark.CaseEvidence, error)
	// AddCase commits one case of a run and its event. A case that is there already is left as it is, without an event.
	AddCase(ctx context.Context, run string, c hallmark.CaseEvidence, event hallmark.Event) error
}

// An EventLog keeps events in order.
type EventLog interface {
	AddEvent(ctx context.Context, e hallmark.Event) error
	// Events returns up to limit events of a submission with IDs above after, oldest first.
	Events(ctx context.Context, submission string, after int64, limit int) ([]hallmark.Event, error)
}

// A Fingerprinter reads an artifact's bytes once. A file that changes meanwhile is an error, not another digest.
type Fingerprinter interface {
	Fingerprint(ctx context.Context, a hallmark.Artifact, progress func(done, total int64)) (hallmark.Fingerprint, error)
}

// A Sandbox runs a model's bytes in the jail. ErrUnsandboxed: this host cannot isolate as asked. ErrUndecided: a limit
// stopped the run. ErrDigest: the bytes are not those of the version.
type Sandbox interface {
	Scan(ctx context.Context, t Target) (hallmark.Scan, error)
	// Plan says what a run will do. Completed cases are taken over into a resumed run only under the same plan.
	Plan(ctx context.Context, r TestRequest) (hallmark.RunPlan, error)
	// Test runs the plan. Where the run began and a limit or the model's own end stopped it, the result beside the error
	// has the run's record.
	Test(ctx context.Context, r TestRequest) (TestResult, error)
}

// A Target is what a sandbox looks at, and how strongly the policy wants it isolated.
type Target struct {
	Artifact hallmark.Artifact
	MinTier  hallmark.Tier
}

// A TestRequest is one run of the suite that goes with Policy and Profile.
type TestRequest struct {
	Target
	Policy  string
	Profile string
	Suite   string        // name of the suite that the policy asks for
	Scan    hallmark.Scan // its findings enter the report
	Done    []hallmark.CaseEvidence
	// Previous is the report of the version before. If it is of the same suite and profile, the run has its seed and is compared
	// with it; otherwise it means nothing. Nil if there is none.
	Previous *hallmark.Report
	// OnCase is called once for each completed case, before the next one starts; its error stops the run. Total counts
	// all cases of the run, done those completed, this one and the ones in Done included.
	OnCase func(c hallmark.CaseEvidence, done, total int) error
	// OnControl is called as the plain requests that come before the cases are answered. Optional.
	OnControl func(done, total int)
}

// A TestResult is a finished run. Cases holds the texts of the failing and undecided cases at least.
type TestResult struct {
	Report hallmark.Report
	Cases  []hallmark.CaseEvidence
	Record hallmark.RunRecord
}

// Evidence is a content-addressed block store.
type Evidence interface {
	// Put stores bytes and returns their CID; storing them twice is storing them once.
	Put(ctx context.Context, b []byte) (cid string, err error)
	// AddFile makes the file or directory at path available by reference and returns its CID.
	AddFile(ctx context.Context, path string) (cid string, err error)
	// Get returns the bytes behind a CID, checked; more than limit bytes are ErrTooLarge.
	Get(ctx context.Context, cid string, limit int64) ([]byte, error)
}

// A Signed is a statement under a signature.
type Signed struct {
	Bundle   []byte // Sigstore bundle v0.3, JSON
	Envelope []byte // the DSSE envelope in it, exactly as it stands there
}

// A Signer signs with the service's key.
type Signer interface {
	Sign(ctx context.Context, statement []byte) (Signed, error)
	// KeyList returns the signed list of the service's and all submitters' keys, as it is now.
	KeyList(ctx context.Context) ([]byte, error)
}

// A Verified is what a signature by a trusted key covers.
type Verified struct {
	Statement []byte
	Envelope  []byte
	KeyHint   string
}

// A LineageVerifier checks one bundle against the trusted public keys (PEM). A signature by any other key is ErrKey, a
// broken or missing one ErrSignature.
type LineageVerifier interface {
	Verify(bundle []byte, trusted []string) (Verified, error)
}

// A TransparencyLog is an append-only RFC 6962 log.
type TransparencyLog interface {
	// Append adds leaves and returns their indices once they are integrated. A leaf that the log has keeps its index.
	Append(ctx context.Context, leaves []hallmark.Digest) ([]uint64, error)
	// Checkpoint returns the newest signed head.
	Checkpoint(ctx context.Context) (LogHead, error)
	// Proof returns the inclusion proof of a leaf in the tree of that size.
	Proof(ctx context.Context, index, size uint64) ([]hallmark.Digest, error)
}

// A LogHead is a checkpoint and what it says.
type LogHead struct {
	Text []byte // signed note
	Root hallmark.Digest
	Size uint64
}

// An AnchorRequest is what goes on the chain for one version: its record, and the log's checkpoint as a batch.
type AnchorRequest struct {
	Version    hallmark.Version
	Submission hallmark.Submission
	// KeyList is the list that the registrar on the chain must point to before the record counts.
	KeyList Document
}

// An Anchorer puts versions on the chain through an outbox.
type Anchorer interface {
	// Anchor records the intents and returns at once. Twice for one submission is one intent each.
	Anchor(ctx context.Context, r AnchorRequest) error
	// Status says how far the version's record and its batch have come: the lesser of the two. It answers while the chain
	// is down, with the Problem. AnchorOrphaned means that the contract refuses the record for good.
	Status(ctx context.Context, v hallmark.Version) (hallmark.Anchor, error)
	// AnchorLog records the intents to publish the key list and to anchor a checkpoint alone. Twice is one intent each.
	AnchorLog(ctx context.Context, c hallmark.Checkpoint, keys Document) error
	// LogStatus says how far a checkpoint has come, as Status does.
	LogStatus(ctx context.Context, c hallmark.Checkpoint) (hallmark.Anchor, error)
	// Retry takes up again what the contract refused of a version's record and checkpoint.
	Retry(ctx context.Context, v hallmark.Version) error
	// Revoke records the intent to revoke the version's record. Twice is one intent.
	Revoke(ctx context.Context, d hallmark.Digest) error
}

// A Gateway serves versions. Both calls return once the next request sees the change, and may be repeated.
type Gateway interface {
	// Admit verifies the bytes of a against the version's digest and serves them under its name.
	Admit(ctx context.Context, v hallmark.Version, a hallmark.Artifact) error
	Withdraw(ctx context.Context, d hallmark.Digest) error
}
