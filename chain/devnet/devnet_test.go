package devnet_test

import (
	"context"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/devnet"
)

func start(t *testing.T, cfg devnet.Config) *devnet.Node {
	t.Helper()
	n, err := devnet.Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

func dial(t *testing.T, n *devnet.Node) *ethclient.Client {
	t.Helper()
	eth, err := ethclient.DialContext(t.Context(), n.URL())
	require.NoError(t, err)
	t.Cleanup(eth.Close)
	return eth
}

func TestTransactionIsFinalAtOnceAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	cfg := devnet.Config{Dir: t.TempDir(), Gas: crypto.PubkeyToAddress(key.PublicKey), ChainID: 7}
	n := start(t, cfg)
	eth := dial(t, n)
	id, err := eth.ChainID(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 7, id.Uint64())

	to := common.Address{1}
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, To: &to, Value: big.NewInt(5), Gas: 21_000, GasFeeCap: big.NewInt(3e9), GasTipCap: big.NewInt(1e9),
	})
	require.NoError(t, err)
	require.NoError(t, eth.SendTransaction(t.Context(), tx))
	block := func(n *ethclient.Client, number int64) *types.Header {
		h, err := n.HeaderByNumber(t.Context(), big.NewInt(number))
		require.NoError(t, err)
		return h
	}
	require.Eventually(t, func() bool {
		h, err := eth.HeaderByNumber(t.Context(), big.NewInt(int64(rpc.FinalizedBlockNumber)))
		return err == nil && h.Number.Uint64() == 32
	}, 90*time.Second, 2*time.Millisecond)
	latest := block(eth, int64(rpc.LatestBlockNumber))
	require.EqualValues(t, 32, latest.Number.Uint64(), "the chain stands still when the epoch is closed")
	require.NoError(t, n.Close())
	require.NoError(t, n.Close(), "closing twice is closing once")

	again := dial(t, start(t, cfg))
	for _, tag := range []rpc.BlockNumber{rpc.LatestBlockNumber, rpc.FinalizedBlockNumber, 32} {
		require.Equal(t, latest.Hash(), block(again, int64(tag)).Hash())
	}
	for number := int64(1); number <= 32; number++ { // every block's state is there, not only the newest
		balance, err := again.BalanceAt(t.Context(), to, big.NewInt(number))
		require.NoError(t, err)
		require.EqualValues(t, 5, balance.Int64())
	}
}

// TestTransactionThatNoBlockTakes sends one with too low a tip: the chain must not run on for it.
func TestTransactionThatNoBlockTakes(t *testing.T) {
	t.Parallel()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	eth := dial(t, start(t, devnet.Config{Dir: t.TempDir(), Gas: crypto.PubkeyToAddress(key.PublicKey)}))
	id := big.NewInt(devnet.DefaultChainID)
	send := func(tip int64) {
		to := common.Address{1}
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
			ChainID: id, To: &to, Gas: 21_000, GasFeeCap: big.NewInt(3e9 + 2*tip), GasTipCap: big.NewInt(tip),
		})
		require.NoError(t, err)
		require.NoError(t, eth.SendTransaction(t.Context(), tx))
	}
	height := func() uint64 {
		n, err := eth.BlockNumber(t.Context())
		require.NoError(t, err)
		return n
	}
	send(1)
	require.Eventually(t, func() bool { return height() == 32 }, 90*time.Second, time.Millisecond)
	require.Never(t, func() bool { return height() > 32 }, 200*time.Millisecond, 10*time.Millisecond)
	send(1e9) // the sender's replacement
	require.Eventually(t, func() bool { return height() == 64 }, 90*time.Second, time.Millisecond)
}

func TestStartRefuses(t *testing.T) { // not parallel, nor are its parts: they share directories
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	running := devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}}
	start(t, running)
	made := devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}}
	require.NoError(t, start(t, made).Close())

	tests := map[string]struct {
		cfg  devnet.Config
		kind error
	}{
		"port in use":        {devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Addr: taken.Addr().String()}, hallmark.ErrUnavailable},
		"directory in use":   {running, hallmark.ErrUnavailable},
		"another account":    {devnet.Config{Dir: made.Dir, Gas: [20]byte{2}}, hallmark.ErrConflict},
		"another chain id":   {devnet.Config{Dir: made.Dir, Gas: [20]byte{1}, ChainID: 5}, hallmark.ErrConflict},
		"no directory":       {devnet.Config{Gas: [20]byte{1}}, hallmark.ErrInvalid},
		"no account":         {devnet.Config{Dir: t.TempDir()}, hallmark.ErrInvalid},
		"reachable address":  {devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Addr: "0.0.0.0:0"}, hallmark.ErrInvalid},
		"host name":          {devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Addr: "localhost:0"}, hallmark.ErrInvalid},
		"no port":            {devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Addr: "127.0.0.1"}, hallmark.ErrInvalid},
		"port out of range":  {devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Addr: "127.0.0.1:70000"}, hallmark.ErrInvalid},
		"unwritable as file": {devnet.Config{Dir: "/dev/null/chain", Gas: [20]byte{1}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := devnet.Start(t.Context(), tt.cfg)
			require.Error(t, err)
			require.Nil(t, n)
			if tt.kind != nil {
				require.ErrorIs(t, err, tt.kind)
			}
			var hint *hallmark.HintError
			if errors.Is(tt.kind, hallmark.ErrUnavailable) || errors.Is(tt.kind, hallmark.ErrConflict) {
				require.ErrorAs(t, err, &hint)
			}
		})
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = devnet.Start(canceled, devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}})
	require.ErrorIs(t, err, context.Canceled)
}

// TestCloseLeavesNothingRunning is not parallel: it counts goroutines.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	records := new(counter)
	n, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Gas: [20]byte{1}, Log: slog.New(records)})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.Zero(t, records.n, "an uneventful life logs nothing")
	require.NotSame(t, records, slog.Default().Handler(), "the process keeps its default logger")
	goleak.VerifyNone(t, before,
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"), // one for the process
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),         // ends with its next tick
	)
}

// counter counts log records.
type counter struct{ n int }

func (c *counter) Enabled(context.Context, slog.Level) bool  { return true }
func (c *counter) Handle(context.Context, slog.Record) error { c.n++; return nil }
func (c *counter) WithAttrs([]slog.Attr) slog.Handler        { return c }
func (c *counter) WithGroup(string) slog.Handler             { return c }
