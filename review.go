package hallmark

import "time"

// A Review is a person's decision on a version whose verdict is challenge. It is signed first, then logged and anchored,
// and counts once it is settled.
type Review struct {
	Decision Decision      `json:"decision"` // allow or block
	Comment  string        `json:"comment"`
	Reviewer string        `json:"reviewer"` // hint of the key that signed
	Time     time.Time     `json:"time"`     // by the reviewer's clock
	Labels   []ReviewLabel `json:"labels"`
	Bundle   Bundle        `json:"bundle"`
	// Checkpoint is a head of the log that has the bundle. EvidenceCID finds the document that proves it. Both are empty until
	// the bundle is logged.
	Checkpoint  *Checkpoint `json:"checkpoint,omitempty"`
	EvidenceCID string      `json:"evidenceCid,omitempty"`
	Anchor      *Anchor     `json:"anchor,omitempty"` // of the checkpoint
	Settled     bool        `json:"settled"`
}

// A ReviewLabel is what a reviewer says of one finding.
type ReviewLabel struct {
	Finding string `json:"finding"` // its ID in the queue
	Problem bool   `json:"problem"` // it is one; false: a false alarm, or nothing that matters
}

// Effective is the decision that serving follows: the policy's, or that of a settled review where the policy left it to a
// person. A version without a verdict is undecided.
func (v Version) Effective() Decision {
	switch {
	case v.Verdict == nil:
		return Undecided
	case v.Verdict.Decision == Challenge && v.Review != nil && v.Review.Settled:
		return v.Review.Decision
	default:
		return v.Verdict.Decision
	}
}
