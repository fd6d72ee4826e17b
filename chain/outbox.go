package chain

import "context"

// An Outbox keeps the intents of an [Anchorer] where a crash does not lose them. Only an Anchorer makes and reads the
// documents; an Outbox stores bytes. What it must hold:
//
//   - Every method is atomic, and durable once it returned nil. A method that fails may have been applied or not.
//   - Methods are safe for concurrent use.
//   - Documents are JSON and are returned byte for byte as they were stored. A damaged row may be an error of any kind
//     but ErrUnavailable and ErrNotFound; other rows stay readable.
//
// Package chaintest has the conformance test.
type Outbox interface {
	// AddIntent stores a new document under key with version 1. If the key is there already, nothing changes and added
	// is false.
	AddIntent(ctx context.Context, key, state string, doc []byte) (added bool, err error)
	// Intent returns the document and its version. An unknown key is hallmark.ErrNotFound.
	Intent(ctx context.Context, key string) (doc []byte, version int64, err error)
	// UpdateIntent replaces state and document if the stored version is the given one, and raises it by one. Another
	// version is hallmark.ErrConflict, an unknown key hallmark.ErrNotFound; nothing changes then.
	UpdateIntent(ctx context.Context, key string, version int64, state string, doc []byte) error
	// IntentKeys returns the keys whose state is one of those given, in the order in which they were added.
	IntentKeys(ctx context.Context, states ...string) ([]string, error)
}

// States of an intent in the outbox, in the order of the way. Those of its transaction follow the chain's heads; a
// re-organised chain moves it back to StateBroadcast.
const (
	StateIntent    = "intent"    // nothing signed yet, or its transaction was replaced
	StateSigned    = "signed"    // the signed bytes are stored, perhaps sent
	StateBroadcast = "broadcast" // an endpoint took it
	StateIncluded  = "included"  // in a block
	StateSafe      = "safe"      // in a block that the safe head covers
	StateFinal     = "final"     // in a block that the finalized head covers; the end
	StateReverted  = "reverted"  // the contract refuses it for good; the end
	StateReplaced  = "replaced"  // of a transaction only: another one took its nonce
)
