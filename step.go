package hallmark

import "time"

// EventKind says what an event reports.
type EventKind string

// The kinds of event.
const (
	EventState    EventKind = "state"    // the version entered State
	EventProgress EventKind = "progress" // Done of Total bytes were read in Step, or plain requests answered in step "test"
	EventCase     EventKind = "case"     // Done of Total test cases are complete, Case being the last
	EventAnchor   EventKind = "anchor"   // the record on the chain entered Anchor
	EventReview   EventKind = "review"   // a person decided, or the decision does not count, as Text says
	EventRetry    EventKind = "retry"    // Step could not be done now for the reason in Text; it is tried again
)

// An Event is one line of a submission's progress. IDs grow and are never reused, so a reader can go on where it stopped.
type Event struct {
	ID         int64       `json:"id"`
	Submission string      `json:"submission"`
	Model      Digest      `json:"model"`
	Time       time.Time   `json:"time"`
	Kind       EventKind   `json:"kind"`
	State      State       `json:"state,omitempty"`
	Step       string      `json:"step,omitempty"`
	Done       int64       `json:"done,omitempty"`
	Total      int64       `json:"total,omitempty"`
	Case       string      `json:"case,omitempty"`
	Outcome    Outcome     `json:"outcome,omitempty"`
	Anchor     AnchorState `json:"anchor,omitempty"`
	Text       string      `json:"text,omitempty"`
}

// A Job is one step that waits to be done for a submission.
type Job struct {
	Kind       string `json:"kind"`
	Submission string `json:"submission"`
	Try        int    `json:"try"` // how often this step was put off before, for the back-off
	// Slow says that the step takes long and much memory: only a few such ones run at a time, beside the quick ones.
	Slow bool `json:"slow,omitempty"`
}

// A Change is all that one step does to the database. It is written together with the completion of the step's job in
// one transaction, or not at all.
type Change struct {
	From    State   // the state that the version has to be in; in another one the change is ErrConflict
	Version Version // the version as it shall be
	// Since is when the version was written last. If it was written again meanwhile the change is ErrConflict. Optional: a
	// step's job is the only one of its version.
	Since  time.Time
	Events []Event // ID and Time are set when written
	Next   *Job    // the job that follows, nil if none
	Delay  time.Duration
}
