package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// An intent is the document that the outbox keeps for one record.
type intent struct {
	Kind   string          `json:"kind"`
	Record json.RawMessage `json:"record"`
	State  string          `json:"state"`
	// Trouble is why the contract refuses the record, or why the endpoint did not take its transaction.
	Trouble string `json:"trouble,omitempty"`
	// Txs are all transactions ever signed for the record, the current one last. There is a second one only if another
	// transaction took the first one's nonce in a final block.
	Txs []transaction `json:"txs,omitempty"`
}

// A transaction is signed bytes and where they ended up. Without bytes it is somebody else's that had the same effect:
// who relays a signed record is of no importance.
type transaction struct {
	Hash      Hash   `json:"hash"`
	Nonce     uint64 `json:"nonce"`
	Raw       []byte `json:"raw,omitempty"` // canonical encoding (EIP-2718)
	State     string `json:"state"`
	Block     uint64 `json:"block,omitempty"`
	BlockHash Hash   `json:"blockHash,omitzero"`
}

// current returns the transaction that counts, or nil before the first one is signed.
func (in *intent) current() *transaction {
	if len(in.Txs) == 0 {
		return nil
	}
	return &in.Txs[len(in.Txs)-1]
}

// move sets the state of the intent and its current transaction, and forgets past trouble.
func (in *intent) move(state string) {
	in.State, in.Trouble = state, ""
	if tx := in.current(); tx != nil {
		tx.State = state
	}
}

// include notes the block that the current transaction is in.
func (in *intent) include(block uint64, hash Hash) {
	tx := in.current()
	tx.Block, tx.BlockHash = block, hash
	in.move(StateIncluded)
}

// refuse ends the intent: the contract will never take the record.
func (in *intent) refuse(why string) {
	in.move(StateReverted)
	in.Trouble = why
}

// decode reads the intent's record into what its kind says it is.
func (in *intent) decode(record any) error {
	if err := json.Unmarshal(in.Record, record); err != nil {
		return fmt.Errorf("record of kind %.20q: %w: %w", in.Kind, err, hallmark.ErrInvalid)
	}
	return nil
}

// load reads an intent from the outbox. A row that cannot be read, though the outbox is there, and a document that is
// not an intent are ErrInvalid: the row is damaged.
func (a *Anchorer) load(ctx context.Context, key string) (*intent, int64, error) {
	doc, version, err := a.cfg.Outbox.Intent(ctx, key)
	switch {
	case err == nil:
	case errors.Is(err, hallmark.ErrNotFound) || errors.Is(err, hallmark.ErrUnavailable) || ctx.Err() != nil:
		return nil, 0, fmt.Errorf("anchor %s: reading the intent: %w", key, err)
	default:
		return nil, 0, fmt.Errorf("anchor %s: reading the intent: %w: %w", key, err, hallmark.ErrInvalid)
	}
	in := new(intent)
	if err := json.Unmarshal(doc, in); err != nil {
		return nil, 0, fmt.Errorf("anchor %s: the stored intent is damaged: %w: %w", key, err, hallmark.ErrInvalid)
	}
	return in, version, nil
}

// store writes a changed intent back.
func (a *Anchorer) store(ctx context.Context, key string, version int64, in *intent) error {
	doc, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("anchor %s: %w", key, err)
	}
	if err := a.cfg.Outbox.UpdateIntent(ctx, key, version, in.State, doc); err != nil {
		return fmt.Errorf("anchor %s: storing state %s: %w", key, in.State, err)
	}
	a.notify()
	return nil
}
