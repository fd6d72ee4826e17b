// Package devnet runs an Ethereum development chain inside the process: real blocks, real transactions, real JSON-RPC on
// loopback, one proposer, no peers. It is the default chain of a Hallmark data directory; a public chain replaces it by
// configuration.
//
// The chain stands still until a transaction arrives. Then it mines a block with it and empty blocks until the
// development epoch of 32 blocks closes, at which point the transaction's block carries the finalized tag. Block
// timestamps grow by at least a second a block, so after a burst of transactions the chain's clock runs ahead of the
// wall clock by up to 32 s a transaction; nothing may compare the two.
//
// Every block's state is written before the block becomes the head (hash scheme, archive), to a store that hands each
// write to the kernel at once, so that a killed process loses no block that it showed to anybody.
package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/hallmark-ml/hallmark"
)

// DefaultChainID is "HM" in ASCII: unlike the 1337 and 31337 of other development chains, so that a wallet or a
// signature made for one of those is of no use here.
const DefaultChainID = 0x484d

// epoch is the number of blocks after which go-ethereum's development beacon finalizes (its devEpochLength).
const epoch = 32

// Config says where the chain lives and who may spend on it.
type Config struct {
	// Dir holds the chain's database. Required; created if absent.
	Dir string
	// Addr is the loopback address of the JSON-RPC server, as host:port. Optional; 127.0.0.1:0 if empty.
	Addr string
	// ChainID is used when the chain is created. Optional; DefaultChainID if zero.
	ChainID uint64
	// Gas is the account that owns the genesis coins. Required. With ChainID it decides the genesis block: a directory
	// made for another account or id is ErrConflict.
	Gas [20]byte
	// Log receives the node's warnings. Optional; discarded if nil. go-ethereum logs through one logger of the process,
	// so the latest Start decides for all nodes.
	Log *slog.Logger
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("no directory"))
	}
	if c.Gas == [20]byte{} {
		errs = append(errs, errors.New("no gas account"))
	}
	if _, _, err := c.listen(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("development chain: %w: %w", errors.Join(errs...), hallmark.ErrInvalid)
}

// listen splits Addr and refuses an address that other machines could reach: the RPC server has no access control.
func (c Config) listen() (host string, port int, err error) {
	if c.Addr == "" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return "", 0, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("address %.80q is not a loopback IP address", c.Addr)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port of %.80q: %w", c.Addr, err)
	}
	return host, int(number), nil
}

// tryPort finds out that a port is taken before a database is open that would not be closed well.
func (c Config) tryPort(ctx context.Context) error {
	if c.Addr == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// A Node is a running development chain. Close ends it; its methods are safe for concurrent use.
type Node struct {
	stack  *node.Node
	eth    *eth.Ethereum
	beacon *catalyst.SimulatedBeacon
	log    *slog.Logger

	stop      context.CancelFunc
	running   sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Start opens the chain in cfg.Dir, creating it at the first start, and serves it. A port or directory that another
// process uses is ErrUnavailable with a hint. The node runs until Close; ctx bounds nothing but the start itself.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	logger := cfg.Log
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	routeLog(logger)

	if err := cfg.tryPort(ctx); err != nil {
		return nil, startError(cfg, err)
	}
	n, err := open(ctx, cfg, logger)
	if err != nil {
		return nil, startError(cfg, err)
	}
	return n, nil
}

func open(ctx context.Context, cfg Config, logger *slog.Logger) (*Node, error) {
	stack, err := node.New(nodeConfig(cfg))
	if err != nil {
		return nil, err
	}
	n := &Node{stack: stack, log: logger}
	if err := n.assemble(ctx, cfg); err != nil {
		if closed := stack.Close(); !errors.Is(closed, node.ErrNodeStopped) {
			err = errors.Join(err, closed)
		}
		return nil, err
	}
	return n, nil
}

func (n *Node) assemble(ctx context.Context, cfg Config) error {
	var err error
	if n.eth, err = eth.New(n.stack, ethConfig(cfg)); err != nil {
		return err
	}
	system := filters.NewFilterSystem(n.eth.APIBackend, filters.Config{})
	n.stack.RegisterAPIs([]rpc.API{{Namespace: "eth", Service: filters.NewFilterAPI(system)}})
	if n.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, n.eth); err != nil {
		return err
	}
	n.eth.SetSynced() // there is nobody to sync from; accept transactions

	// A killed process may have left an epoch open. It closes before anybody can look: until then the beacon takes the
	// head for final, later the last closed epoch, and final must not be seen to go back.
	if err := n.closeEpoch(ctx); err != nil {
		return err
	}
	ctx, n.stop = context.WithCancel(context.WithoutCancel(ctx)) // the node outlives the call that starts it
	events, arrived := make(chan core.NewTxsEvent), make(chan struct{}, 1)
	sub := n.eth.TxPool().SubscribeTransactions(events, true)
	n.running.Go(func() {
		defer sub.Unsubscribe()
		hear(ctx, events, arrived)
	})
	n.running.Go(func() { n.seal(ctx, arrived) })
	if err := n.stack.Start(); err != nil {
		n.stop()
		n.running.Wait()
		return err
	}
	return nil
}

// hear notes that transactions arrived. It takes the pool's events at once, always: the pool waits for whoever hears
// them, and mining waits for the pool.
func hear(ctx context.Context, events <-chan core.NewTxsEvent, arrived chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		}
		select {
		case arrived <- struct{}{}:
		default: // the sealer has not looked yet
		}
	}
}

// seal mines whenever a transaction arrived. Only one goroutine mines.
func (n *Node) seal(ctx context.Context, arrived <-chan struct{}) {
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-arrived:
		case <-retry:
		}
		retry = nil
		if err := n.closeEpoch(ctx); err != nil && ctx.Err() == nil {
			n.log.LogAttrs(ctx, slog.LevelWarn, "development chain stands still, trying again", slog.Any("err", err))
			retry = time.After(time.Second)
		}
	}
}

// closeEpoch mines until nothing is pending and the head is the last block of an epoch, hence final. A transaction that
// blocks do not take (its tip is too low) gets one epoch and must not keep the chain running after that.
func (n *Node) closeEpoch(ctx context.Context) error {
	head := n.eth.BlockChain().CurrentBlock()
	for open := head.Number.Uint64()%epoch != 0; open || n.pending(); open = false {
		taken, err := n.mineEpoch(ctx)
		if err != nil || taken == 0 {
			return err
		}
	}
	return nil
}

// mineEpoch mines up to the next end of an epoch and returns how many of the blocks hold transactions.
func (n *Node) mineEpoch(ctx context.Context) (taken int, err error) {
	for {
		before := n.eth.BlockChain().CurrentBlock().Number.Uint64()
		n.beacon.Commit()
		head := n.eth.BlockChain().CurrentBlock()
		if head.Number.Uint64() <= before {
			return taken, fmt.Errorf("mining on block %d: no new head", before)
		}
		if head.TxHash != types.EmptyTxsHash {
			taken++
		}
		if head.Number.Uint64()%epoch == 0 || ctx.Err() != nil {
			return taken, ctx.Err()
		}
	}
}

func (n *Node) pending() bool {
	executable, _ := n.eth.TxPool().Pending(txpool.PendingFilter{})
	return len(executable) > 0
}

// URL returns the address of the JSON-RPC server.
func (n *Node) URL() string { return n.stack.HTTPEndpoint() }

// Close ends mining, closes the server and the database, and waits for both.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		n.stop()
		n.running.Wait()
		n.closeErr = errors.Join(n.beacon.Stop(), n.stack.Close())
	})
	return n.closeErr
}

func nodeConfig(cfg Config) *node.Config {
	host, port, _ := cfg.listen() // Check passed
	c := node.DefaultConfig
	c.Name = "devnet"
	c.DataDir = cfg.Dir
	c.DBEngine = "leveldb" // hands its journal to the kernel on every write; pebble loses its last blocks to kill -9
	c.P2P = p2p.Config{NoDiscovery: true, NoDial: true}
	c.HTTPHost, c.HTTPPort = host, port
	c.HTTPModules = []string{"eth", "net", "web3"}
	return &c
}

func ethConfig(cfg Config) *ethconfig.Config {
	c := ethconfig.Defaults
	c.Genesis = genesis(cfg)
	c.SyncMode = ethconfig.FullSync
	c.StateScheme = rawdb.HashScheme
	c.NoPruning = true // every block's state is committed with the block
	c.LogNoHistory = true
	c.DatabaseCache, c.DatabaseHandles = 16, 64
	c.TrieCleanCache, c.TrieDirtyCache, c.SnapshotCache = 16, 0, 0
	c.TxPool.NoLocals = true // the sender keeps the signed bytes and sends them again
	c.BlobPool.Datadir = ""
	return &c
}
