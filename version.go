package hallmark

// State of a submitted version. Attested and anchored are steps of every decided version; only serving differs.
type State string

// The states, in the order of the flow; the last three end it or take it back.
const (
	StateSubmitted     State = "submitted"
	StateFingerprinted State = "fingerprinted"
	StateScanned       State = "scanned"
	StateTested        State = "tested"
	StateDecided       State = "decided"
	StateAttested      State = "attested"
	StateAnchored      State = "anchored"
	StateServing       State = "serving"
	StateBlocked       State = "blocked"
	StateChallenged    State = "challenged"
	StateRevoked       State = "revoked"
	StateFailed        State = "failed"
)

// AnchorState is how far an on-chain record has come, derived from the outbox and the chain's heads.
type AnchorState string

// The anchor states.
const (
	AnchorPending  AnchorState = "pending"
	AnchorIncluded AnchorState = "included"
	AnchorSafe     AnchorState = "safe"
	AnchorFinal    AnchorState = "final"
	AnchorOrphaned AnchorState = "orphaned"
)
