package hallmark

import (
	"errors"
	"fmt"
)

// A kind says what a caller may do about a failure; the text says what happened. Branch with [errors.Is].
var (
	ErrNotFound        = errors.New("not found")          // the named thing does not exist
	ErrInvalid         = errors.New("invalid")            // this input can never succeed
	ErrConflict        = errors.New("conflict")           // another value holds this place
	ErrRefused         = errors.New("refused by policy")  // evidence is missing or fails
	ErrUnavailable     = errors.New("unavailable, retry") // a dependency is down, busy or absent
	ErrTooLarge        = errors.New("over the limit")     // a size, count or time limit was hit
	ErrUnauthenticated = errors.New("not authenticated")  // no API key, or one we do not know
	ErrUndecided       = errors.New("undecided")          // neither allow nor block could be established
	ErrUnsandboxed     = errors.New("unsandboxed")        // this host cannot isolate the run as the policy asks
)

// The kinds that verification reports; each has an exit code of its own (10 to 19).
var (
	ErrDigest          = errors.New("digest mismatch")
	ErrSignature       = errors.New("signature invalid")
	ErrKey             = errors.New("key not trusted")
	ErrPredicate       = errors.New("predicate or subject mismatch")
	ErrLineage         = errors.New("lineage broken")
	ErrAnchorMissing   = errors.New("anchor missing")
	ErrAnchorDepth     = errors.New("anchor below the wanted head")
	ErrRevoked         = errors.New("revoked")
	ErrLogProof        = errors.New("log proof invalid")
	ErrEvidenceMissing = errors.New("evidence missing")
)

// DigestMismatchError reports bytes that do not hash to the digest they were stored, signed or asked for under.
type DigestMismatchError struct {
	What      string // the file or thing, as the user named it
	Want, Got Digest
}

func (e *DigestMismatchError) Error() string {
	return fmt.Sprintf("%s hashes to %v, want %v", e.What, e.Got, e.Want)
}

// Unwrap makes the error both a conflict and a digest mismatch.
func (e *DigestMismatchError) Unwrap() []error { return []error{ErrDigest, ErrConflict} }

// A HintError carries the next step for the user beside the cause.
type HintError struct {
	Err  error
	Hint string // a command or an action, without a final full stop
}

func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *HintError) Unwrap() error { return e.Err }

// WithHint attaches the next step to err; nil stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &HintError{Err: err, Hint: hint}
}
