package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/hallmark-ml/hallmark"
)

// How often things are done again.
const (
	slowPoll   = 2 * time.Second  // a look at open anchors that do not move
	idlePoll   = 15 * time.Second // a look at the endpoint when nothing is open
	maxBackoff = 15 * time.Second // between rounds while the endpoint is down
	resend     = 15 * time.Second // of the same signed bytes while no block has them
	maxTxs     = 3                // transactions that may fail for one intent before it is given up
)

// openStates are those of intents that Run still works on.
func openStates() []string {
	return []string{StateIntent, StateSigned, StateBroadcast, StateIncluded, StateSafe}
}

// Run sends and follows until ctx ends, whose error it returns. It is the only writer of intents, so run one at a time.
//
// A round takes every open intent as far as it goes: sign and store, send, find the block, compare it with the heads.
// Each step is stored before the next one starts, so after a crash the next round continues from what is stored: bytes
// that may have been sent are sent again, never signed anew. Trouble with the endpoint ends a round; the next one dials
// again, later and later.
func (a *Anchorer) Run(ctx context.Context) error {
	var s *session
	defer func() { s.close() }()
	var failures, still int // rounds in a row that failed, or in which nothing moved
	for {
		open, damage, err := a.round(ctx, &s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.setTrouble(ctx, errors.Join(err, damage))
		var delay time.Duration
		switch {
		case err != nil:
			s.close()
			s = nil
			delay = min(a.cfg.Poll<<min(failures, 10), maxBackoff)
			failures, still = failures+1, 0
		case open == 0:
			delay = idlePoll
			failures, still = 0, 0
		case s.moved:
			delay = a.cfg.Poll
			failures, still = 0, 0
		default:
			delay = min(a.cfg.Poll<<min(still, 10), max(slowPoll, a.cfg.Poll))
			failures, still = 0, still+1
		}
		a.pause(ctx, delay)
	}
}

// pause waits for the delay, a new intent or the end of ctx.
func (a *Anchorer) pause(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-a.wake:
	}
}

// A session is what Run knows while the endpoint answers.
type session struct {
	*Client

	a      *Anchorer
	author Address
	sign   signer
	sent   map[Hash]time.Time // when this session last sent a transaction

	// Of the current round.
	heads    Heads
	nonce    uint64 // of the next transaction
	moved    bool   // whether an intent changed
	inFlight int    // intents whose transaction may be sent and is in no block
	lists    int    // key lists among them
}

func (s *session) close() {
	if s != nil {
		s.Close()
	}
}

// round dials if need be, and works on every open intent. It returns how many remain open, and what is damaged in the
// outbox, which holds up nothing else.
func (a *Anchorer) round(ctx context.Context, current **session) (open int, damage, err error) {
	if *current == nil {
		client, err := Dial(ctx, a.cfg.RPC, a.cfg.Contract)
		if err != nil {
			return 0, nil, err
		}
		*current = &session{
			Client: client, a: a, author: a.cfg.Keys.Author(), sent: make(map[Hash]time.Time),
			sign: newSigner(a.cfg.Keys, client.chainID, a.cfg.Contract),
		}
		if err := (*current).reopen(ctx); err != nil {
			return 0, nil, err
		}
	}
	return (*current).round(ctx)
}

// reopen takes final intents back whose block is gone: an embedded chain can lose its last blocks with the machine. The
// newest are looked at first, up to one that is still in its place.
func (s *session) reopen(ctx context.Context) error {
	keys, err := s.a.cfg.Outbox.IntentKeys(ctx, StateFinal)
	if err != nil {
		return fmt.Errorf("listing final anchors: %w", err)
	}
	for _, key := range slices.Backward(keys) {
		in, version, err := s.a.load(ctx, key)
		if errors.Is(err, hallmark.ErrInvalid) {
			continue // damaged, and nothing is left to do for it
		}
		if err != nil {
			return err
		}
		tx := in.current()
		state, err := s.AnchorState(ctx, tx.Block, tx.BlockHash)
		if err != nil || state != hallmark.AnchorOrphaned {
			return err
		}
		in.move(StateIncluded) // the round finds the block gone
		if err := s.a.store(ctx, key, version, in); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) round(ctx context.Context) (open int, damage, err error) {
	s.moved = false
	keys, err := s.a.cfg.Outbox.IntentKeys(ctx, openStates()...)
	if err != nil {
		return 0, nil, fmt.Errorf("listing open anchors: %w", err)
	}
	if s.heads, err = s.Heads(ctx); err != nil || len(keys) == 0 {
		return 0, nil, err
	}
	if err := s.prepare(ctx, keys); err != nil {
		return 0, nil, err
	}
	for _, key := range keys {
		done, err := s.work(ctx, key)
		switch {
		case errors.Is(err, hallmark.ErrInvalid):
			damage = errors.Join(damage, err)
		case err != nil:
			return 0, damage, err
		case !done:
			open++
		}
	}
	return open, damage, nil
}

// prepare finds the next nonce, after all those that stored transactions have taken.
func (s *session) prepare(ctx context.Context, keys []string) (err error) {
	s.inFlight, s.lists = 0, 0
	if s.nonce, err = s.eth.NonceAt(ctx, common.Address(s.a.cfg.Keys.Gas()), nil); err != nil {
		return rpcError("reading the gas account's nonce", err)
	}
	for _, key := range keys {
		in, _, err := s.a.load(ctx, key)
		if errors.Is(err, hallmark.ErrInvalid) {
			continue // reported by the round
		}
		if err != nil {
			return err
		}
		s.count(in, 1)
		for _, tx := range in.Txs {
			if len(tx.Raw) > 0 {
				s.nonce = max(s.nonce, tx.Nonce+1)
			}
		}
	}
	return nil
}

// count keeps the number of intents in flight.
func (s *session) count(in *intent, by int) {
	if in.State == StateSigned || in.State == StateBroadcast {
		s.inFlight += by
		if in.Kind == kindKeyList {
			s.lists += by
		}
	}
}

// work takes one intent as far as it goes now, storing each step, and reports whether it came to its end.
func (s *session) work(ctx context.Context, key string) (done bool, err error) {
	for {
		in, version, err := s.a.load(ctx, key)
		if err != nil {
			return false, err
		}
		before, trouble := in.State, in.Trouble
		s.count(in, -1)
		err = s.advance(ctx, in)
		s.count(in, 1)
		if err != nil {
			return false, fmt.Errorf("anchor %s: %w", key, err)
		}
		if in.State != before || in.Trouble != trouble {
			if err := s.a.store(ctx, key, version, in); err != nil {
				return false, err
			}
			s.moved = true
		}
		if in.State == before || in.State == StateFinal || in.State == StateReverted {
			return in.State != before, nil
		}
	}
}

// advance makes one step, in memory. Its errors are those of the endpoint; what the contract or the transaction pool
// says about this one record goes into the intent.
func (s *session) advance(ctx context.Context, in *intent) error {
	switch in.State {
	case StateIntent:
		return s.signNew(ctx, in)
	case StateSigned, StateBroadcast:
		return s.settle(ctx, in)
	default:
		return s.follow(ctx, in)
	}
}

// signNew signs the intent's transaction with the next nonce, if the contract would take it now.
func (s *session) signNew(ctx context.Context, in *intent) error {
	if in.Kind == kindKeyList && s.lists > 0 {
		return nil // its sequence is not known before the earlier list is in a block
	}
	data, err := s.callData(ctx, in)
	if err != nil {
		return err
	}
	to := common.Address(s.contract)
	tx, err := signTx(ctx, s.eth, s.a.cfg.Keys, new(big.Int).SetUint64(s.chainID), s.nonce, ethereum.CallMsg{To: &to, Data: data})
	var refusal *ContractError
	switch {
	case errors.As(err, &refusal):
		return s.refused(ctx, in, refusal)
	case answered(err):
		in.Trouble = err.Error()
		return nil
	case err != nil:
		return err
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encoding a transaction: %w", err)
	}
	in.Txs = append(in.Txs, transaction{Hash: Hash(tx.Hash()), Nonce: s.nonce, Raw: raw})
	in.move(StateSigned)
	s.nonce++
	return nil
}

// refused handles a record that the contract would not take now. If its effect is there already, all is well; if
// something is in flight that it may build on, it waits; otherwise it ends.
func (s *session) refused(ctx context.Context, in *intent, why error) error {
	found, err := s.find(ctx, in)
	switch {
	case err == nil:
		s.adopt(in, found)
	case !errors.Is(err, hallmark.ErrNotFound) && !errors.Is(err, hallmark.ErrConflict):
		return err
	case s.inFlight == 0:
		in.refuse(why.Error())
	}
	return nil
}

// adopt takes the transaction that had the effect, its own or another one.
func (s *session) adopt(in *intent, found Anchor) {
	if tx := in.current(); tx == nil || tx.Hash != found.Tx {
		in.Txs = append(in.Txs, transaction{Hash: found.Tx})
	}
	in.include(found.Block, found.BlockHash)
}

// settle sends a signed transaction, until a block has it.
func (s *session) settle(ctx context.Context, in *intent) error {
	tx := in.current()
	if last, sent := s.sent[tx.Hash]; !sent || time.Since(last) > resend {
		if err := s.send(ctx, in); err != nil || in.State == StateIntent {
			return err
		}
	}
	receipt, err := s.eth.TransactionReceipt(ctx, common.Hash(tx.Hash))
	switch {
	case errors.Is(err, ethereum.NotFound) || answered(err): // go-ethereum answers so while it indexes
		return nil
	case err != nil:
		return rpcError("reading a receipt", err)
	case receipt.Status == types.ReceiptStatusFailed:
		return s.failed(ctx, in, receipt)
	}
	in.include(receipt.BlockNumber.Uint64(), Hash(receipt.BlockHash))
	return nil
}

// send hands the stored bytes to the endpoint. One that has them already, or has mined them, says so with an error.
func (s *session) send(ctx context.Context, in *intent) error {
	stored := in.current()
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(stored.Raw); err != nil || Hash(tx.Hash()) != stored.Hash {
		return fmt.Errorf("stored transaction %v is damaged: %w", stored.Hash, hallmark.ErrInvalid)
	}
	err := s.eth.SendTransaction(ctx, tx)
	if err != nil && !answered(err) {
		return rpcError("sending a transaction", err)
	}
	s.sent[stored.Hash] = time.Now()
	if err == nil || strings.Contains(err.Error(), "already known") {
		in.move(StateBroadcast)
		return nil
	}
	return s.unsendable(ctx, in, err)
}

// unsendable handles a transaction that the pool does not take: mined already, short of coins, or its nonce was used by
// a transaction that is not ours. The last counts only once it is final, since a second transaction is signed then.
func (s *session) unsendable(ctx context.Context, in *intent, why error) error {
	tx := in.current()
	_, err := s.eth.TransactionReceipt(ctx, common.Hash(tx.Hash))
	switch {
	case err == nil:
		return nil // settle reads it
	case !errors.Is(err, ethereum.NotFound):
		return rpcError("reading a receipt", err)
	}
	final, err := s.eth.NonceAt(ctx, common.Address(s.a.cfg.Keys.Gas()), big.NewInt(int64(rpc.FinalizedBlockNumber)))
	if err == nil && final > tx.Nonce {
		in.move(StateReplaced)
		in.State = StateIntent
		return nil
	}
	in.Trouble = why.Error()
	return nil
}

// failed handles a transaction that a block has and the contract refused in it: somebody else relayed the same record
// first, or the state it was signed for changed.
func (s *session) failed(ctx context.Context, in *intent, receipt *types.Receipt) error {
	found, err := s.find(ctx, in)
	switch {
	case err == nil:
		in.current().State = StateReverted
		s.adopt(in, found)
	case !errors.Is(err, hallmark.ErrNotFound) && !errors.Is(err, hallmark.ErrConflict):
		return err
	case len(in.Txs) >= maxTxs:
		in.refuse(fmt.Sprintf("%d transactions failed, the last one in block %v", len(in.Txs), receipt.BlockNumber))
	default: // signNew asks the contract why, and ends the intent if it still refuses
		in.move(StateReverted)
		in.State = StateIntent
	}
	return nil
}

// follow compares the block of an included transaction with the heads. If the block is gone, the transaction is sent
// again unless another block has it.
func (s *session) follow(ctx context.Context, in *intent) error {
	tx := in.current()
	state, err := s.stateAt(ctx, s.heads, tx.Block, tx.BlockHash)
	switch {
	case err != nil:
		return err
	case state == hallmark.AnchorSafe && in.State != StateSafe:
		in.move(StateSafe)
	case state == hallmark.AnchorFinal:
		in.move(StateFinal)
	case state != hallmark.AnchorOrphaned:
		return nil
	case len(tx.Raw) == 0: // not ours to send: start over
		in.Txs = in.Txs[:len(in.Txs)-1]
		in.State, in.Trouble = StateIntent, ""
	default:
		delete(s.sent, tx.Hash)
		tx.Block, tx.BlockHash = 0, Hash{}
		in.move(StateBroadcast)
	}
	return nil
}

// answered reports whether err is the endpoint's answer to this one call rather than trouble on the way to it.
func answered(err error) bool {
	var answer rpc.Error
	return errors.As(err, &answer)
}
