package hallmark

import "time"

// Scope is what an API key may do.
type Scope string

// The scopes; write includes read.
const (
	ScopeRead  Scope = "read"
	ScopeWrite Scope = "write"
)

// An APIKey is a caller of the API. Its token is shown once and never stored.
type APIKey struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Scope Scope  `json:"scope"`
	// Reviewer may register keys that sign reviews, and decide; never about what was submitted with the same API key.
	Reviewer bool `json:"reviewer"`
	// Admin may make, list and revoke API keys, and bring evidence.
	Admin   bool      `json:"admin"`
	Created time.Time `json:"created"`
	Revoked time.Time `json:"revoked,omitzero"` // from then on it opens nothing
}

// KeyRole is what a registered public key signs. A key has one role.
type KeyRole string

// The roles of signing keys.
const (
	KeySubmitter KeyRole = "submitter" // lineage
	KeyReviewer  KeyRole = "reviewer"  // decisions on versions whose verdict is challenge
)

// A SigningKey is a public key with which the owner of an API key signs.
type SigningKey struct {
	Hint      string    `json:"hint"` // hex SHA-256 of PublicPEM
	Owner     int64     `json:"owner"`
	Role      KeyRole   `json:"role"`
	PublicPEM string    `json:"publicPem"`
	Created   time.Time `json:"created"`
	Revoked   time.Time `json:"revoked,omitzero"` // when its owner was
}

// An Artifact is bytes that the server can read.
type Artifact struct {
	Digest Digest       `json:"digest"`
	Kind   ArtifactKind `json:"kind"`
	Name   string       `json:"name"`
	Dir    bool         `json:"dir,omitempty"`
	Size   int64        `json:"size"` // bytes, all files together
	Path   string       `json:"-"`    // where the bytes lie on this host
	// Referenced says that Path is the user's own file and not a copy under the content address, so it may change.
	Referenced bool   `json:"referenced,omitempty"`
	CID        string `json:"cid,omitempty"` // profile [CIDProfile]
}

// A Submission is a request to attest one model version. It never changes once accepted.
type Submission struct {
	ID         string  `json:"id"`
	Owner      int64   `json:"-"` // ID of the API key that submitted
	Model      Digest  `json:"model"`
	Name       string  `json:"name"` // name under which the version is served
	Policy     string  `json:"policy"`
	PolicyHash Digest  `json:"policyDigest"`
	PolicyText []byte  `json:"-"` // the policy file that decides, as it was when submitted
	Profile    string  `json:"profile"`
	Lineage    Lineage `json:"lineage"`
	// LineageHash is the digest of Lineage without its signatures: signing the same steps again does not change it.
	LineageHash Digest    `json:"lineageDigest"`
	Bundles     []Bundle  `json:"bundles"` // the submitter's signed lineage, one a step
	Created     time.Time `json:"created"`
}

// A Bundle names one signed statement in the evidence store.
type Bundle struct {
	Predicate string `json:"predicateType"`
	CID       string `json:"cid"`
	Envelope  Digest `json:"envelope"` // SHA-256 of the DSSE envelope: the leaf in the transparency log
	LogIndex  uint64 `json:"logIndex"` // meaningful once the version is attested
}

// A Scan is what the jailed guest said about an artifact's file before anything was run.
type Scan struct {
	Format   string        `json:"format"`
	Findings []Finding     `json:"findings"`
	Datasets []DatasetScan `json:"datasets,omitempty"` // those that the lineage names
}

// A DatasetScan is the scan of one data set of a lineage.
type DatasetScan struct {
	Name     string    `json:"name"`
	Digest   Digest    `json:"digest"`
	Findings []Finding `json:"findings"`
}

// An Anchor is how far a version's record on the chain has come. Fields are empty until known.
type Anchor struct {
	State    AnchorState `json:"state"`
	ChainID  uint64      `json:"chainId,omitempty"`
	Contract string      `json:"contract,omitempty"`
	Tx       string      `json:"tx,omitempty"`    // transaction that registers the version
	Block    uint64      `json:"block,omitempty"` // number of its block
	BatchTx  string      `json:"batchTx,omitempty"`
	Problem  string      `json:"problem,omitempty"` // why it does not move, for people
}

// A Version is a submitted model version and everything that is known about it so far. Pointers are nil, and digests
// zero, until the step that fills them is done.
type Version struct {
	Digest      Digest       `json:"digest"`
	Submission  string       `json:"submission"` // the submission that its state belongs to
	Name        string       `json:"name"`
	State       State        `json:"state"`
	Created     time.Time    `json:"created"`
	Updated     time.Time    `json:"updated"`
	Fingerprint *Fingerprint `json:"fingerprint,omitempty"`
	Scan        *Scan        `json:"scan,omitempty"`
	Runs        []Run        `json:"runs,omitempty"` // all there were, the one that Report is of last
	Report      Digest       `json:"report,omitzero"`
	ReportCID   string       `json:"reportCid,omitempty"`
	CasesCID    string       `json:"casesCid,omitempty"` // texts of the failing cases
	Record      *RunRecord   `json:"record,omitempty"`
	Verdict     *Verdict     `json:"verdict,omitempty"`
	Bundles     []Bundle     `json:"bundles,omitempty"` // lineage first, then the service's own
	// Evidence is the digest of the manifest that lists all bundles, proofs and the checkpoint; EvidenceCID finds it.
	Evidence    Digest      `json:"evidence,omitzero"`
	EvidenceCID string      `json:"evidenceCid,omitempty"`
	Checkpoint  *Checkpoint `json:"checkpoint,omitempty"`
	Anchor      *Anchor     `json:"anchor,omitempty"`
	Review      *Review     `json:"review,omitempty"`  // of a version whose verdict is challenge
	Problem     string      `json:"problem,omitempty"` // why it failed, was revoked, or is being retried
	Hint        string      `json:"hint,omitempty"`    // what a person can do about Problem
}

// A Checkpoint is a signed head of the transparency log that contains all of a version's bundles.
type Checkpoint struct {
	Root Digest `json:"root"`
	Size uint64 `json:"size"`
	CID  string `json:"cid"` // of the signed text
}
