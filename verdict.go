package hallmark

// Decision is what a policy makes of evidence.
type Decision string

// The decisions. Undecided is the fail-closed value for evidence that does not suffice; it is never served.
const (
	Allow     Decision = "allow"
	Block     Decision = "block"
	Challenge Decision = "challenge" // a person must review
	Undecided Decision = "undecided"
)

// A Reason names the rule that spoke, the evidence it looked at, and what a person can do.
type Reason struct {
	Rule     string   `json:"rule"`
	Decision Decision `json:"decision"`
	Detector string   `json:"detector,omitempty"`
	Message  string   `json:"message"`
	Evidence string   `json:"evidence,omitempty"` // CID or digest of what was looked at
	Findings []string `json:"findings,omitempty"` // case ids or finding rules
}

// A Verdict is a policy's decision with its reasons. Exempted lists what the policy chose not to hold against the model.
type Verdict struct {
	Decision   Decision `json:"decision"`
	Policy     string   `json:"policy"`       // name of the policy
	PolicyHash Digest   `json:"policyDigest"` // SHA-256 of the policy file
	Reasons    []Reason `json:"reasons"`
	Exempted   []Reason `json:"exempted,omitempty"`
}
