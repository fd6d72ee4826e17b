package chain_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
)

func TestEveryKindOfRecordBecomesFinal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	tiny, tinier := record("tiny"), record("tinier")
	lists := []chain.KeyListRecord{
		{Digest: hallmark.DigestOf([]byte("keys 1")), CID: cid("keys 1")},
		{Digest: hallmark.DigestOf([]byte("keys 2")), CID: cid("keys 2")},
	}
	batch := chain.BatchRecord{Root: hallmark.DigestOf([]byte("root")), Size: 10, CheckpointCID: cid("checkpoint")}

	var keys []string
	for _, ask := range []func() (string, error){
		func() (string, error) { return a.SetKeyList(t.Context(), lists[0]) },
		func() (string, error) { return a.SetKeyList(t.Context(), lists[1]) },
		func() (string, error) { return a.Batch(t.Context(), batch) },
		func() (string, error) { return a.Register(t.Context(), tiny) },
		func() (string, error) { return a.Register(t.Context(), tinier) },
		func() (string, error) { return a.Supersede(t.Context(), tiny.Model, tinier.Model) },
		func() (string, error) { return a.Revoke(t.Context(), tiny.Model, cid("reason")) },
	} {
		key, err := ask()
		require.NoError(t, err)
		keys = append(keys, key)
	}
	status := make(map[string]chain.Status)
	for _, key := range keys {
		status[key] = final(t, a, key)
		require.Empty(t, status[key].Trouble)
	}

	v, err := f.client.Version(t.Context(), tiny.Model)
	require.NoError(t, err)
	require.Equal(t, tiny, v.VersionRecord)
	require.Equal(t, hallmark.AnchorFinal, v.Anchor.State)
	require.Equal(t, status[keys[3]].Tx, v.Anchor.Tx)
	require.Equal(t, status[keys[3]].BlockHash, v.Anchor.BlockHash)
	require.Equal(t, f.keys.Author(), v.Author)
	require.Equal(t, f.keys.Author(), v.Registrar)
	require.True(t, v.Revoked())
	successor, err := f.client.Version(t.Context(), tinier.Model)
	require.NoError(t, err)
	require.Equal(t, successor.ID, v.SupersededBy)
	require.False(t, successor.Revoked())

	b, err := f.client.Batch(t.Context(), f.keys.Author(), batch.Root)
	require.NoError(t, err)
	require.Equal(t, batch, b.BatchRecord)
	require.Equal(t, hallmark.AnchorFinal, b.Anchor.State)

	published, err := f.client.KeyLists(t.Context(), f.keys.Author())
	require.NoError(t, err)
	require.Len(t, published, 2)
	for i, list := range published {
		require.Equal(t, lists[i], list.KeyListRecord)
		require.EqualValues(t, i, list.Sequence)
	}
}

// The embedded chain makes a record final with the epoch that it falls into, whose blocks come at once: the one that is open,
// or the next if that is closing just now.
func TestFinalWithItsEpoch(t *testing.T) {
	t.Parallel()
	const epoch = 32 // blocks
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	eth, err := ethclient.DialContext(t.Context(), f.node.URL())
	require.NoError(t, err)
	defer eth.Close()
	for i := range 4 {
		before, err := eth.BlockNumber(t.Context())
		require.NoError(t, err)
		began := time.Now()
		final(t, a, register(t, a, fmt.Sprint("model ", i)))
		t.Logf("final %v after the request", time.Since(began).Round(time.Millisecond))
		after, err := eth.BlockNumber(t.Context())
		require.NoError(t, err)
		require.Zero(t, after%epoch)
		require.LessOrEqual(t, after-before, uint64(2*epoch))
	}
}

func TestFirstRecordOfAModelStands(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, stop := f.start(t, f.node.URL(), new(chaintest.Memory))
	key := register(t, a, "tiny")
	require.Equal(t, key, register(t, a, "tiny"), "the same record is the same intent")
	other := record("tiny")
	other.Verdict = hallmark.Block
	_, err := a.Register(t.Context(), other)
	require.ErrorIs(t, err, hallmark.ErrConflict)
	first := final(t, a, key)
	require.Equal(t, key, register(t, a, "tiny"))
	stop()

	// The outbox is lost, the chain remembers.
	a, stop = f.start(t, f.node.URL(), new(chaintest.Memory))
	require.Equal(t, first.Tx, final(t, a, register(t, a, "tiny")).Tx)
	stop()
	a, _ = f.start(t, f.node.URL(), new(chaintest.Memory))
	key, err = a.Register(t.Context(), other)
	require.NoError(t, err)
	s, err := a.Wait(within(t), key, hallmark.AnchorIncluded)
	require.ErrorIs(t, err, hallmark.ErrRefused)
	require.Contains(t, s.Trouble, "AlreadyRegistered")
	require.Equal(t, hallmark.AnchorOrphaned, s.State)
	require.EqualValues(t, 2, f.gasNonce(t), "deployment and one registration")
}

func (f fixture) gasNonce(t *testing.T) uint64 {
	t.Helper()
	eth, err := ethclient.DialContext(t.Context(), f.node.URL())
	require.NoError(t, err)
	defer eth.Close()
	n, err := eth.NonceAt(t.Context(), common.Address(f.keys.Gas()), nil)
	require.NoError(t, err)
	return n
}

func TestRefusedRecordsAreNotStored(t *testing.T) {
	t.Parallel()
	a, err := chain.NewAnchorer(chain.AnchorerConfig{RPC: "http://127.0.0.1:1", Contract: chain.Address{1}, Keys: chain.FreshKeys(t), Outbox: new(chaintest.Memory)})
	require.NoError(t, err)
	bad := record("tiny")
	bad.EvidenceCID = "QmOld"
	asks := map[string]func() (string, error){
		"version": func() (string, error) { return a.Register(t.Context(), bad) },
		"batch without CID": func() (string, error) {
			return a.Batch(t.Context(), chain.BatchRecord{Root: hallmark.Digest{1}, Size: 1})
		},
		"batch without leaf": func() (string, error) {
			return a.Batch(t.Context(), chain.BatchRecord{Root: hallmark.Digest{1}, CheckpointCID: cid("c")})
		},
		"key list without id": func() (string, error) { return a.SetKeyList(t.Context(), chain.KeyListRecord{CID: cid("k")}) },
		"key list": func() (string, error) {
			return a.SetKeyList(t.Context(), chain.KeyListRecord{Digest: hallmark.Digest{1}})
		},
		"revocation":   func() (string, error) { return a.Revoke(t.Context(), hallmark.Digest{1}, "reason") },
		"supersession": func() (string, error) { return a.Supersede(t.Context(), hallmark.Digest{1}, hallmark.Digest{1}) },
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := ask()
			require.ErrorIs(t, err, hallmark.ErrInvalid)
			require.Empty(t, key)
		})
	}
	_, err = a.Status(t.Context(), "version:none")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
}

func TestAnchorerConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := chain.NewAnchorer(chain.AnchorerConfig{Poll: -1})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	for _, problem := range []string{"RPC", "contract", "keys", "outbox", "poll"} {
		require.ErrorContains(t, err, problem)
	}
}

func TestEndpointDownKeepsAnchorsPendingAndVisible(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.behindProxy(t)
	p.set(func(string) fault { return down })
	a, _ := f.start(t, p.url, new(chaintest.Memory))
	key := register(t, a, "tiny")
	require.Eventually(t, func() bool { return errors.Is(a.Trouble(), hallmark.ErrUnavailable) }, waitLimit, pollEvery)
	s, err := a.Status(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, hallmark.AnchorPending, s.State)
	require.NotEmpty(t, s.Trouble)

	p.set(func(string) fault { return none })
	require.Empty(t, final(t, a, key).Trouble)
	require.NoError(t, a.Trouble())
}

func TestContractMissingIsVisibleAndRetried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f
	other.keys = chain.FreshKeys(t)
	other.contract = chain.RegistryAddress(other.keys.Author())
	a, _ := other.start(t, f.node.URL(), new(chaintest.Memory))
	key := register(t, a, "tiny")
	require.Eventually(t, func() bool { return errors.Is(a.Trouble(), hallmark.ErrNotFound) }, waitLimit, pollEvery)
	s, err := a.Status(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, chain.StateIntent, s.Step)
	require.Contains(t, s.Trouble, "no contract at")
}

// A record that the contract refused goes on by command, once what it lacked is there.
func TestRefusedRecordIsRetried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	model := record("late").Model
	revocation, err := a.Revoke(t.Context(), model, "") // of a record that is not there yet
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := a.Status(t.Context(), revocation)
		return err == nil && s.Step == chain.StateReverted
	}, waitLimit, pollEvery)
	s, err := a.Status(t.Context(), revocation)
	require.NoError(t, err)
	require.Contains(t, s.Trouble, "UnknownModel")

	version := register(t, a, "late")
	final(t, a, version)
	require.NoError(t, a.Retry(t.Context(), revocation))
	require.Empty(t, final(t, a, revocation).Trouble)
	before, err := a.Status(t.Context(), version)
	require.NoError(t, err)
	require.NoError(t, a.Retry(t.Context(), version))
	after, err := a.Status(t.Context(), version)
	require.NoError(t, err)
	require.Equal(t, before, after, "what was not refused goes on as it is")
	require.ErrorIs(t, a.Retry(t.Context(), "version:none"), hallmark.ErrNotFound)
}

// TestCrashAtEveryState stops everything at each write to the outbox, before or after it is applied, and starts again.
func TestCrashAtEveryState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i, state := range states {
		for _, applied := range []bool{false, true} {
			name := fmt.Sprintf("%d %s applied=%t", i, state, applied)
			before := f.gasNonce(t)
			box := &crashing{state: state, applied: applied}
			a, stop := f.start(t, f.node.URL(), box.outbox())
			_, err := a.Register(t.Context(), record(name))
			if state == chain.StateIntent {
				require.ErrorIs(t, err, errCrash)
			} else {
				require.NoError(t, err, name)
				require.Eventually(t, func() bool { return errors.Is(a.Trouble(), errCrash) }, waitLimit, pollEvery, name)
			}
			stop()

			box.repair()
			a, stop = f.start(t, f.node.URL(), box.outbox())
			final(t, a, register(t, a, name))
			stop()
			require.Equal(t, before+1, f.gasNonce(t), "one transaction: %s", name)
		}
	}
}

var states = []string{chain.StateIntent, chain.StateSigned, chain.StateBroadcast, chain.StateIncluded, chain.StateSafe, chain.StateFinal}

var errCrash = errors.New("the process is gone")

// crashing is an outbox that fails from a certain write on: what comes after a crash never happens.
type crashing struct {
	state   string
	applied bool

	mu     sync.Mutex
	down   bool
	whole  bool
	memory *chaintest.Memory
}

func (c *crashing) outbox() *chaintest.Memory {
	if c.memory == nil {
		c.memory = &chaintest.Memory{Fail: func(_, state string, applied bool) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			at, from := slices.Index(states, state), slices.Index(states, c.state)
			c.down = c.down || at > from || at == from && applied == c.applied // a step may be skipped
			if c.down && !c.whole {
				return errCrash
			}
			return nil
		}}
	}
	return c.memory
}

func (c *crashing) repair() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = true
}

// TestCallsLostOnTheWay fails each call of a kind once, before or after the chain acted on it.
func TestCallsLostOnTheWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, what := range []fault{down, lost} {
		for _, method := range []string{
			"eth_chainId", "eth_getCode", "eth_getBlockByNumber", "eth_getTransactionCount", "eth_estimateGas",
			"eth_maxPriorityFeePerGas", "eth_sendRawTransaction", "eth_getTransactionReceipt",
		} {
			before := f.gasNonce(t)
			p := f.behindProxy(t)
			var once sync.Once
			p.set(func(called string) (todo fault) {
				if called == method {
					once.Do(func() { todo = what })
				}
				return todo
			})
			a, stop := f.start(t, p.url, new(chaintest.Memory))
			final(t, a, register(t, a, fmt.Sprint(method, what)))
			stop()
			require.Equal(t, before+1, f.gasNonce(t), "one transaction: %s, fault %d", method, what)
		}
	}
}

func TestDamagedRowHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	box := &chaintest.Memory{Unreadable: "damaged row"}
	_, err := box.AddIntent(t.Context(), box.Unreadable, chain.StateIntent, []byte("{}"))
	require.NoError(t, err)
	for _, doc := range []string{"{", `{"kind":"nonsense","state":"intent"}`, `{"kind":"version","record":[],"state":"intent"}`} {
		_, err := box.AddIntent(t.Context(), "damaged "+doc, chain.StateIntent, []byte(doc))
		require.NoError(t, err)
	}
	a, _ := f.start(t, f.node.URL(), box)
	final(t, a, register(t, a, "tiny"))
	require.ErrorIs(t, a.Trouble(), hallmark.ErrInvalid)
	for _, key := range []string{"damaged {", box.Unreadable} {
		_, err = a.Status(t.Context(), key)
		require.ErrorIs(t, err, hallmark.ErrInvalid)
	}
}
