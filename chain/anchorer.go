package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// AnchorerConfig says what an [Anchorer] works with.
type AnchorerConfig struct {
	// RPC is the endpoint's URL and Contract the registry's address. Required. The endpoint may be down.
	RPC      string
	Contract Address
	// Keys sign and pay. Required. The gas key must be used by nothing else.
	Keys *Keys
	// Outbox keeps the intents. Required. One Anchorer at a time may use it.
	Outbox Outbox
	// Poll is how often open anchors are looked at while they move; when nothing moves it is done less and less often,
	// down to every two seconds. Optional; 50 ms if zero.
	Poll time.Duration
	// Log receives what went wrong, once for each new trouble. Optional; discarded if nil.
	Log *slog.Logger
}

// Check returns every problem of the configuration, or nil.
func (c AnchorerConfig) Check() error {
	var errs []error
	if c.RPC == "" {
		errs = append(errs, errors.New("no RPC endpoint"))
	}
	if c.Contract.IsZero() {
		errs = append(errs, errors.New("no contract address"))
	}
	if c.Keys == nil {
		errs = append(errs, errors.New("no keys"))
	}
	if c.Outbox == nil {
		errs = append(errs, errors.New("no outbox"))
	}
	if c.Poll < 0 {
		errs = append(errs, fmt.Errorf("poll interval %v is negative", c.Poll))
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("anchorer: %w: %w", errors.Join(errs...), hallmark.ErrInvalid)
}

// An Anchorer puts records on the chain. Its methods return as soon as the outbox holds the intent, and work while the
// chain is down; Run does the rest. They are safe for concurrent use, and doing one twice is one intent.
type Anchorer struct {
	cfg  AnchorerConfig
	wake chan struct{} // capacity 1: an intent was added

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a state or the trouble changes
	trouble error         // why the last round of Run ended early
}

// NewAnchorer returns an Anchorer; nothing is sent before Run.
func NewAnchorer(cfg AnchorerConfig) (*Anchorer, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Poll == 0 {
		cfg.Poll = 50 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Anchorer{cfg: cfg, wake: make(chan struct{}, 1), changed: make(chan struct{})}, nil
}

// Kinds of intents; the first part of their keys.
const (
	kindVersion      = "version"
	kindBatch        = "batch"
	kindKeyList      = "keylist"
	kindRevocation   = "revocation"
	kindSupersession = "supersession"
)

// Register records the intent to register a version and returns its key for Status and Wait. The author's other record
// of the same model, in the outbox or on the chain, is ErrConflict: the first one stands.
func (a *Anchorer) Register(ctx context.Context, r VersionRecord) (key string, err error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	r.Datasets = append([]hallmark.Digest{}, r.Datasets...) // none is an empty list, in one text form
	return a.add(ctx, kindVersion, r.Model.Hex(), r)
}

// Batch records the intent to anchor a checkpoint.
func (a *Anchorer) Batch(ctx context.Context, b BatchRecord) (key string, err error) {
	if _, err := splitRawCID(b.CheckpointCID); err != nil {
		return "", fmt.Errorf("batch %s: %w", b.Root.Short(), err)
	}
	if b.Root.IsZero() || b.Size == 0 {
		return "", fmt.Errorf("batch: no root or no leaves: %w", hallmark.ErrInvalid)
	}
	return a.add(ctx, kindBatch, b.Root.Hex(), b)
}

// SetKeyList records the intent to publish a key list after those published before. One list can be published once.
func (a *Anchorer) SetKeyList(ctx context.Context, k KeyListRecord) (key string, err error) {
	if _, err := splitRawCID(k.CID); err != nil {
		return "", fmt.Errorf("key list %s: %w", k.Digest.Short(), err)
	}
	if k.Digest.IsZero() {
		return "", fmt.Errorf("key list: no digest: %w", hallmark.ErrInvalid)
	}
	return a.add(ctx, kindKeyList, k.Digest.Hex(), k)
}

// revocation and supersession are the documents of the two intents that append to a version's record.
type (
	revocation struct {
		Model     hallmark.Digest `json:"model"`
		ReasonCID string          `json:"reasonCid,omitempty"`
	}
	supersession struct {
		Model     hallmark.Digest `json:"model"`
		Successor hallmark.Digest `json:"successor"`
	}
)

// Revoke records the intent to revoke the author's record of a model for ever. reasonCID, which may be empty, names the
// signed reason, one raw block.
func (a *Anchorer) Revoke(ctx context.Context, model hallmark.Digest, reasonCID string) (key string, err error) {
	if reasonCID != "" {
		if _, err := splitRawCID(reasonCID); err != nil {
			return "", fmt.Errorf("revoking %s: %w", model.Short(), err)
		}
	}
	return a.add(ctx, kindRevocation, model.Hex(), revocation{Model: model, ReasonCID: reasonCID})
}

// Supersede records the intent to name the author's record of successor as the one that takes model's place.
func (a *Anchorer) Supersede(ctx context.Context, model, successor hallmark.Digest) (key string, err error) {
	if model == successor {
		return "", fmt.Errorf("superseding %s by itself: %w", model.Short(), hallmark.ErrInvalid)
	}
	return a.add(ctx, kindSupersession, model.Hex(), supersession{Model: model, Successor: successor})
}

// Retry takes a record up again that the contract refused, as if it were new. One in any other state goes on as it is.
func (a *Anchorer) Retry(ctx context.Context, key string) error {
	in, version, err := a.load(ctx, key)
	if err != nil || in.State != StateReverted {
		return err
	}
	in.State, in.Trouble, in.Txs = StateIntent, "", nil
	if err := a.store(ctx, key, version, in); err != nil {
		return err
	}
	a.wakeUp()
	return nil
}

func (a *Anchorer) wakeUp() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *Anchorer) add(ctx context.Context, kind, name string, record any) (string, error) {
	key := kind + ":" + name
	raw, err := json.Marshal(record)
	if err != nil {
		return "", fmt.Errorf("anchor %s: %w", key, err)
	}
	doc, err := json.Marshal(intent{Kind: kind, Record: raw, State: StateIntent})
	if err != nil {
		return "", fmt.Errorf("anchor %s: %w", key, err)
	}
	added, err := a.cfg.Outbox.AddIntent(ctx, key, StateIntent, doc)
	if err != nil {
		return "", fmt.Errorf("anchor %s: storing the intent: %w", key, err)
	}
	if !added {
		first, _, err := a.load(ctx, key)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(first.Record, raw) {
			return "", fmt.Errorf("anchor %s: another record was taken before, and it stands: %w", key, hallmark.ErrConflict)
		}
	}
	a.wakeUp()
	return key, nil
}

// A Status is how far an intent has come.
type Status struct {
	Key   string               `json:"key"`
	State hallmark.AnchorState `json:"state"`
	// Step is the state in the outbox, finer than State.
	Step      string `json:"step"`
	Tx        Hash   `json:"tx,omitzero"`
	Block     uint64 `json:"block,omitempty"`
	BlockHash Hash   `json:"blockHash,omitzero"`
	// Trouble says why nothing moves: what the contract refused, or what is wrong with the endpoint. Empty if all is well.
	Trouble string `json:"trouble,omitempty"`
}

// Status returns how far an intent has come; an unknown key is ErrNotFound.
func (a *Anchorer) Status(ctx context.Context, key string) (Status, error) {
	in, _, err := a.load(ctx, key)
	if err != nil {
		return Status{}, err
	}
	s := Status{Key: key, State: anchorState(in.State), Step: in.State, Trouble: in.Trouble}
	if tx := in.current(); tx != nil {
		s.Tx, s.Block, s.BlockHash = tx.Hash, tx.Block, tx.BlockHash
	}
	if trouble := a.Trouble(); trouble != nil && s.Trouble == "" && in.State != StateFinal {
		s.Trouble = trouble.Error()
	}
	return s, nil
}

// anchorState maps the outbox's states to those that the product shows.
func anchorState(state string) hallmark.AnchorState {
	switch state {
	case StateIncluded:
		return hallmark.AnchorIncluded
	case StateSafe:
		return hallmark.AnchorSafe
	case StateFinal:
		return hallmark.AnchorFinal
	case StateReverted:
		return hallmark.AnchorOrphaned
	default:
		return hallmark.AnchorPending
	}
}

// Trouble returns why the last round of Run could not do its work, or nil: typically ErrUnavailable while the endpoint
// is down, ErrNotFound while there is no contract at the address. Run keeps trying.
func (a *Anchorer) Trouble() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

// Wait returns once the intent has reached the given head (included, safe or final) or was refused by the contract,
// which is ErrRefused. It returns ctx's error, with the last status, when ctx ends.
func (a *Anchorer) Wait(ctx context.Context, key string, head hallmark.AnchorState) (Status, error) {
	for {
		a.mu.Lock()
		changed := a.changed
		a.mu.Unlock()
		s, err := a.Status(ctx, key)
		switch {
		case err != nil:
			return s, err
		case s.Step == StateReverted:
			return s, fmt.Errorf("anchor %s: %s: %w", key, s.Trouble, hallmark.ErrRefused)
		case depth(s.State) >= depth(head):
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, fmt.Errorf("anchor %s is %s, waiting for %s: %w", key, s.State, head, ctx.Err())
		case <-changed:
		}
	}
}

// depth orders anchor states; an unknown wanted state is deeper than any.
func depth(s hallmark.AnchorState) int {
	switch s {
	case hallmark.AnchorPending, hallmark.AnchorOrphaned:
		return 0
	case hallmark.AnchorIncluded:
		return 1
	case hallmark.AnchorSafe:
		return 2
	case hallmark.AnchorFinal:
		return 3
	default:
		return 4
	}
}

// notify wakes everybody in Wait.
func (a *Anchorer) notify() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *Anchorer) setTrouble(ctx context.Context, trouble error) {
	a.mu.Lock()
	before := a.trouble
	a.trouble = trouble
	a.mu.Unlock()
	switch {
	case trouble != nil && (before == nil || before.Error() != trouble.Error()):
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "anchoring stands still, trying again", slog.Any("err", trouble))
	case trouble == nil && before != nil:
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "anchoring goes on")
	default:
		return
	}
	a.notify()
}
