package hallmark

// ArtifactKind says what an artifact is.
type ArtifactKind string

// The kinds of artifact.
const (
	KindModel   ArtifactKind = "model"
	KindDataset ArtifactKind = "dataset"
	KindScript  ArtifactKind = "script"
	KindAdapter ArtifactKind = "adapter"
	KindReport  ArtifactKind = "report"
)

// CIDProfile names the rules under which every CID of this project is computed (IPIP-499), hidden entries included.
// A CID is never shown or stored without it.
const CIDProfile = "unixfs-v1-2025"

// A Fingerprint is everything computed from an artifact's bytes in one read.
type Fingerprint struct {
	Name string       `json:"name"` // base name, informational
	Kind ArtifactKind `json:"kind"`
	Dir  bool         `json:"dir"`
	// Digest is the identity: SHA-256 of the file, or the dirHash of the directory.
	Digest  Digest `json:"digest"`
	OMSRoot Digest `json:"omsRoot"` // root digest of OpenSSF Model Signing v1.0, method "files"; does not bind names
	CID     string `json:"cid"`     // CIDv1, base32
	// CIDProfile is always [CIDProfile].
	CIDProfile string         `json:"cidProfile"`
	Size       int64          `json:"size"` // bytes, all files together
	Files      []FileDigest   `json:"files"`
	Tensors    []TensorDigest `json:"tensors,omitempty"`
}

// A FileDigest is one file of an artifact. Path is relative, slash-separated; the base name for a single file.
type FileDigest struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 Digest `json:"sha256"`
}

// A TensorRange is where a jailed guest says that a tensor lies. Offset is absolute in the file; both in bytes.
// It is attacker-made until [CheckTensorRanges] accepted it.
type TensorRange struct {
	Name   string `json:"name"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
}

// A TensorDigest is the SHA-256 of one tensor's bytes as stored.
type TensorDigest struct {
	File   string `json:"file"`
	Name   string `json:"name"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	SHA256 Digest `json:"sha256"`
}
