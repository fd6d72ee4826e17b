package chain_test

import (
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
)

func TestAnchorFollowsTheHeads(t *testing.T) {
	t.Parallel()
	m := newManual(t)
	a, _ := m.start(t, m.url, new(chaintest.Memory))
	key := register(t, a, "tiny")
	s := sent(t, a, key)
	require.Equal(t, hallmark.AnchorPending, s.State)
	m.mineSent(t)
	s = reached(t, a, key, hallmark.AnchorSafe) // this chain's safe head is its head
	v, err := m.client.Version(t.Context(), record("tiny").Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.AnchorSafe, v.Anchor.State)
	require.Equal(t, s.BlockHash, v.Anchor.BlockHash)
	m.finalize()
	require.Equal(t, s.Tx, final(t, a, key).Tx)
}

func TestReorganisedAnchorIsSentAgain(t *testing.T) {
	t.Parallel()
	m := newManual(t)
	a, _ := m.start(t, m.url, new(chaintest.Memory))
	fork, err := m.client.Heads(t.Context())
	require.NoError(t, err)
	key := register(t, a, "tiny")
	sent(t, a, key)
	m.mineSent(t)
	first := reached(t, a, key, hallmark.AnchorSafe)

	require.NoError(t, m.backend.Fork([32]byte(fork.Latest.Hash)))
	m.backend.Rollback() // the pool forgets the transaction, as after a restart of the node
	m.backend.Commit()
	m.backend.Commit()
	state, err := m.client.AnchorState(t.Context(), first.Block, first.BlockHash)
	require.NoError(t, err)
	require.Equal(t, hallmark.AnchorOrphaned, state)

	sent(t, a, key)
	second := m.mineToFinal(t, a, key)
	require.Equal(t, first.Tx, second.Tx, "the same bytes")
	require.NotEqual(t, first.BlockHash, second.BlockHash)
	require.EqualValues(t, 2, m.nonce(t), "deployment and one registration")
}

// TestHeadThatWentBackBehindAFinalAnchor is the embedded chain after a power cut: its last blocks are gone.
func TestHeadThatWentBackBehindAFinalAnchor(t *testing.T) {
	t.Parallel()
	m := newManual(t)
	box := new(chaintest.Memory)
	a, stop := m.start(t, m.url, box)
	fork, err := m.client.Heads(t.Context())
	require.NoError(t, err)
	var before []chain.Status
	for _, name := range []string{"one", "two", "three"} {
		key := register(t, a, name)
		sent(t, a, key)
		m.mineSent(t)
		m.finalize()
		before = append(before, final(t, a, key))
	}
	stop()
	require.NoError(t, m.backend.Fork([32]byte(fork.Latest.Hash)))
	m.backend.Rollback()
	m.backend.Commit()
	require.EqualValues(t, 1, m.nonce(t))

	a, _ = m.start(t, m.url, box)
	for _, s := range before {
		sent(t, a, s.Key)
	}
	for _, s := range before {
		require.Equal(t, s.Tx, m.mineToFinal(t, a, s.Key).Tx)
	}
	require.EqualValues(t, 4, m.nonce(t))
}

// TestNonceTakenByAnotherTransaction has the gas key used elsewhere, against the rules.
func TestNonceTakenByAnotherTransaction(t *testing.T) {
	t.Parallel()
	m := newManual(t)
	box := new(chaintest.Memory)
	m.set(func(method string) fault {
		if method == "eth_sendRawTransaction" {
			return dropped
		}
		return none
	})
	a, stop := m.start(t, m.url, box)
	key := register(t, a, "tiny")
	first := sent(t, a, key)
	stop()
	m.set(func(string) fault { return none })
	m.send(t, chain.GasKey(m.keys), m.nonce(t), chain.Address{1}, nil, 1e9)
	m.backend.Commit()

	a, stop = m.start(t, m.url, box)
	require.Eventually(t, func() bool {
		s, err := a.Status(t.Context(), key)
		require.NoError(t, err)
		return s.Trouble != ""
	}, waitLimit, pollEvery, "not final yet, so nothing new is signed")
	require.Equal(t, first.Tx, sent(t, a, key).Tx)
	stop()
	m.finalize()
	a, _ = m.start(t, m.url, box) // it sends at once what it has not sent itself yet
	require.NotEqual(t, first.Tx, m.mineToFinal(t, a, key).Tx)
	states := transactionStates(t, box, key)
	require.Equal(t, []string{chain.StateReplaced, chain.StateFinal}, states)
}

// TestSameRecordRelayedBySomebodyElse: anybody may send what the author signed; whoever was first, the record is there.
func TestSameRecordRelayedBySomebodyElse(t *testing.T) {
	t.Parallel()
	m := newManual(t)
	box := new(chaintest.Memory)
	a, _ := m.start(t, m.url, box)
	key := register(t, a, "tiny")
	ours := sent(t, a, key)
	m.send(t, m.other, 0, m.contract, calldata(t, box, key), 50e9) // a higher tip goes first
	m.mineSent(t)
	m.finalize()
	s := final(t, a, key)
	require.NotEqual(t, ours.Tx, s.Tx)
	v, err := m.client.Version(t.Context(), record("tiny").Model)
	require.NoError(t, err)
	require.Equal(t, s.Tx, v.Anchor.Tx)
	require.Equal(t, m.keys.Author(), v.Author, "the relayer claims nothing")
	require.Equal(t, []string{chain.StateReverted, chain.StateFinal}, transactionStates(t, box, key))
}

// storedTx is the part of the outbox's documents that these tests look at.
type storedTx struct {
	Raw   []byte `json:"raw"`
	State string `json:"state"`
}

func storedTxs(t *testing.T, box chain.Outbox, key string) []storedTx {
	t.Helper()
	doc, _, err := box.Intent(t.Context(), key)
	require.NoError(t, err)
	var in struct {
		Txs []storedTx `json:"txs"`
	}
	require.NoError(t, json.Unmarshal(doc, &in))
	return in.Txs
}

func transactionStates(t *testing.T, box chain.Outbox, key string) (states []string) {
	t.Helper()
	for _, tx := range storedTxs(t, box, key) {
		states = append(states, tx.State)
	}
	return states
}

// calldata returns what the newest transaction of an intent tells the contract.
func calldata(t *testing.T, box chain.Outbox, key string) []byte {
	t.Helper()
	txs := storedTxs(t, box, key)
	tx := new(types.Transaction)
	require.NoError(t, tx.UnmarshalBinary(txs[len(txs)-1].Raw))
	return tx.Data()
}
