package chain_test

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/devnet"
)

// A fixture is a development chain with the contract on it.
type fixture struct {
	node     *devnet.Node
	keys     *chain.Keys
	contract chain.Address
	client   *chain.Client
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	f := fixture{keys: chain.FreshKeys(t)}
	node, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Gas: f.keys.Gas()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	f.node = node
	f.contract, err = chain.Deploy(t.Context(), node.URL(), f.keys)
	require.NoError(t, err)
	f.client, err = chain.Dial(t.Context(), node.URL(), f.contract)
	require.NoError(t, err)
	t.Cleanup(f.client.Close)
	return f
}

// start runs an anchorer until the test ends or stop is called.
func (f fixture) start(t *testing.T, url string, box chain.Outbox) (a *chain.Anchorer, stop func()) {
	t.Helper()
	a, err := chain.NewAnchorer(chain.AnchorerConfig{
		RPC: url, Contract: f.contract, Keys: f.keys, Outbox: box, Poll: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := a.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	stop = func() { cancel(); run.Wait() }
	t.Cleanup(stop)
	return a, stop
}

const (
	waitLimit = 90 * time.Second // many times what it takes, for the race detector on a busy machine
	pollEvery = 2 * time.Millisecond
)

// within bounds a wait, so that a broken anchorer fails the test instead of the whole run.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

func final(t *testing.T, a *chain.Anchorer, key string) chain.Status {
	t.Helper()
	return reached(t, a, key, hallmark.AnchorFinal)
}

func reached(t *testing.T, a *chain.Anchorer, key string, head hallmark.AnchorState) chain.Status {
	t.Helper()
	s, err := a.Wait(within(t), key, head)
	require.NoError(t, err)
	return s
}

// sent waits until an intent's transaction was sent and is in no block.
func sent(t *testing.T, a *chain.Anchorer, key string) chain.Status {
	t.Helper()
	var s chain.Status
	require.Eventually(t, func() bool {
		var err error
		s, err = a.Status(t.Context(), key)
		require.NoError(t, err)
		return s.Step == chain.StateBroadcast
	}, waitLimit, pollEvery)
	return s
}

// register asks for a full record named by name.
func register(t *testing.T, a *chain.Anchorer, name string) (key string) {
	t.Helper()
	key, err := a.Register(t.Context(), record(name))
	require.NoError(t, err)
	return key
}

// record makes a full record of a model named by name.
func record(name string) chain.VersionRecord {
	return chain.VersionRecord{
		Model:       hallmark.DigestOf([]byte(name)),
		BaseModel:   hallmark.DigestOf([]byte("base of " + name)),
		Datasets:    []hallmark.Digest{hallmark.DigestOf([]byte("data")), hallmark.DigestOf([]byte("more data"))},
		GitCommit:   "0123456789abcdef0123456789abcdef01234567",
		ReportCID:   cid("report of " + name),
		EvidenceCID: cid("evidence of " + name),
		Verdict:     hallmark.Allow,
		Name:        name,
	}
}

// cid is an independent encoder: CIDv1, raw, SHA-256.
func cid(content string) string {
	digest := hallmark.DigestOf([]byte(content))
	enc := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return "b" + enc.EncodeToString(fmt.Appendf(nil, "\x01\x55\x12\x20%s", digest[:]))
}
