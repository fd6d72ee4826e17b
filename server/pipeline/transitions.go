package pipeline

import (
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// nextStates is the table of transitions: what may follow each state. A version that failed may be submitted again.
func nextStates(s hallmark.State) []hallmark.State {
	switch s {
	case hallmark.StateSubmitted:
		return []hallmark.State{hallmark.StateFingerprinted, hallmark.StateFailed}
	case hallmark.StateFingerprinted:
		return []hallmark.State{hallmark.StateScanned, hallmark.StateFailed}
	case hallmark.StateScanned:
		return []hallmark.State{hallmark.StateTested, hallmark.StateFailed}
	case hallmark.StateTested:
		return []hallmark.State{hallmark.StateDecided, hallmark.StateFailed}
	case hallmark.StateDecided:
		return []hallmark.State{hallmark.StateAttested, hallmark.StateFailed}
	case hallmark.StateAttested:
		return []hallmark.State{hallmark.StateAnchored, hallmark.StateFailed}
	case hallmark.StateAnchored:
		return []hallmark.State{
			hallmark.StateServing, hallmark.StateBlocked, hallmark.StateChallenged, hallmark.StateRevoked, hallmark.StateFailed,
		}
	case hallmark.StateChallenged: // a review decides
		return []hallmark.State{hallmark.StateServing, hallmark.StateBlocked, hallmark.StateRevoked}
	case hallmark.StateServing, hallmark.StateBlocked:
		return []hallmark.State{hallmark.StateRevoked}
	case hallmark.StateFailed: // submitted again; or tried again where it stopped, once it was attested
		return []hallmark.State{hallmark.StateSubmitted, hallmark.StateAttested, hallmark.StateAnchored}
	case hallmark.StateRevoked:
		return nil
	default:
		return nil
	}
}

// checkTransition refuses a step that the table does not have. Staying in a state is always allowed: a step that is put
// off writes its problem.
func checkTransition(from, to hallmark.State) error {
	if from == to || slices.Contains(nextStates(from), to) {
		return nil
	}
	return fmt.Errorf("version in state %s cannot become %s: %w", from, to, hallmark.ErrConflict)
}

// Resting reports whether nothing more happens to a version by itself.
func Resting(v hallmark.Version) bool {
	switch v.State {
	case hallmark.StateChallenged:
		return v.Review == nil // one that was decided on is on its way
	case hallmark.StateServing, hallmark.StateBlocked, hallmark.StateRevoked, hallmark.StateFailed:
		return true
	default:
		return false
	}
}
