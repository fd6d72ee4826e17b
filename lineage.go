package hallmark

// Operation is how a transformation made its output.
type Operation string

// The operations that lineage knows; each has a SLSA buildType.
const (
	OpTrain    Operation = "train"
	OpFinetune Operation = "finetune"
	OpQuantize Operation = "quantize"
	OpMerge    Operation = "merge"
	OpConvert  Operation = "convert"
	OpAdapter  Operation = "adapter"
	OpEvaluate Operation = "evaluate"
)

// Role is what an input was to a transformation.
type Role string

// The roles of inputs.
const (
	RoleDataset Role = "dataset"
	RoleScript  Role = "script"
	RoleBase    Role = "base-model"
	RoleConfig  Role = "config"
)

// A LineageNode is one artifact of a lineage graph.
type LineageNode struct {
	Name   string       `json:"name"`
	Kind   ArtifactKind `json:"kind"`
	Dir    bool         `json:"dir,omitempty"`
	Digest Digest       `json:"digest"`
	CID    string       `json:"cid,omitempty"`
}

// A LineageInput is one input of a transformation. GitCommit (40 or 64 hex digits) and GitPath go with scripts.
type LineageInput struct {
	LineageNode
	Role      Role   `json:"role"`
	GitCommit string `json:"gitCommit,omitempty"`
	GitRepo   string `json:"gitRepo,omitempty"`
	GitPath   string `json:"gitPath,omitempty"`
}

// A LineageStep is one signed transformation: inputs to one output.
type LineageStep struct {
	Operation  Operation         `json:"operation"`
	Output     LineageNode       `json:"output"`
	Inputs     []LineageInput    `json:"inputs"`
	Parameters map[string]string `json:"parameters,omitempty"` // hyper-parameters, as given
	SignerKey  string            `json:"signerKey,omitempty"`  // hex SHA-256 of the signer's PEM public key
	Bundle     Digest            `json:"bundle,omitzero"`      // SHA-256 of the DSSE envelope that states it
}

// A Lineage is the graph behind one artifact; Steps are in an order in which outputs come after their inputs.
type Lineage struct {
	Target Digest        `json:"target"`
	Steps  []LineageStep `json:"steps"`
}
