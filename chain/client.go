package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
	"github.com/hallmark-ml/hallmark/contracts"
)

// A Client reads one ModelRegistry contract over JSON-RPC. It is safe for concurrent use.
type Client struct {
	eth      *ethclient.Client
	abi      *registry.Registry
	contract Address
	operator Address
	chainID  uint64
}

// Dial connects to an endpoint (http or https) and checks that the contract is this program's ModelRegistry. No contract
// at the address is ErrNotFound, other code ErrConflict, an endpoint that does not answer ErrUnavailable.
func Dial(ctx context.Context, url string, contract Address) (*Client, error) {
	eth, err := dial(ctx, url)
	if err != nil {
		return nil, err
	}
	c, err := newClient(ctx, eth, contract)
	if err != nil {
		eth.Close()
		return nil, err
	}
	return c, nil
}

func newClient(ctx context.Context, eth *ethclient.Client, contract Address) (*Client, error) {
	id, err := eth.ChainID(ctx)
	if err != nil {
		return nil, rpcError("asking the chain for its id", err)
	}
	if !id.IsUint64() {
		return nil, fmt.Errorf("chain id %v has more than 64 bits: %w", id, hallmark.ErrInvalid)
	}
	code, err := eth.CodeAt(ctx, common.Address(contract), nil)
	switch {
	case err != nil:
		return nil, rpcError("reading the contract's code", err)
	case len(code) == 0:
		return nil, hallmark.WithHint(fmt.Errorf("no contract at %v on chain %v: %w", contract, id, hallmark.ErrNotFound),
			"check the contract address and that the endpoint is of the chain it was deployed on")
	case !contracts.ModelRegistry().Matches(code):
		return nil, hallmark.WithHint(fmt.Errorf("contract at %v on chain %v is not ModelRegistry version 1: %w", contract, id, hallmark.ErrConflict),
			"check the contract address, or use the release of hallmark that the contract was deployed with")
	}
	c := &Client{eth: eth, abi: registry.NewRegistry(), contract: contract, chainID: id.Uint64()}
	operator, err := call(ctx, c, c.abi.PackOperator(), c.abi.UnpackOperator)
	if err != nil {
		return nil, rpcError("reading the contract's operator", err)
	}
	c.operator = Address(operator)
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.eth.Close() }

// ChainID returns the chain's id: it is part of what authors sign.
func (c *Client) ChainID() uint64 { return c.chainID }

// Contract returns the contract's address.
func (c *Client) Contract() Address { return c.contract }

// Operator returns the author for whom the contract was deployed: whose records count when nobody is named.
func (c *Client) Operator() Address { return c.operator }

// call reads one view function at the latest block.
func call[T any](ctx context.Context, c *Client, data []byte, unpack func([]byte) (T, error)) (T, error) { //nolint:ireturn // T is a generated struct
	to := common.Address(c.contract)
	out, err := c.eth.CallContract(ctx, ethereum.CallMsg{To: &to, Data: data}, nil)
	if err != nil {
		var none T
		return none, err
	}
	return unpack(out)
}

// A Head is a block that a tag names.
type Head struct {
	Number uint64    `json:"number"`
	Hash   Hash      `json:"hash"`
	Time   time.Time `json:"time"`
}

// Heads are the chain's three heads. Latest can still be replaced, safe is unlikely to be, final cannot.
type Heads struct {
	Latest Head `json:"latest"`
	Safe   Head `json:"safe"`
	Final  Head `json:"final"`
}

// Heads reads the three heads, final first, so that an anchor is never taken for safer than it is.
func (c *Client) Heads(ctx context.Context) (Heads, error) {
	var h Heads
	for _, tag := range []struct {
		number rpc.BlockNumber
		head   *Head
	}{{rpc.FinalizedBlockNumber, &h.Final}, {rpc.SafeBlockNumber, &h.Safe}, {rpc.LatestBlockNumber, &h.Latest}} {
		head, err := c.block(ctx, tag.number)
		switch {
		case errors.Is(err, hallmark.ErrNotFound) && tag.number != rpc.LatestBlockNumber:
			// a chain that has finalized nothing yet: the zero head, which covers no anchor
		case err != nil:
			return Heads{}, err
		default:
			*tag.head = head
		}
	}
	return h, nil
}

// block reads a block's identity. It takes the hash from the endpoint's answer: other chains' headers have fields that
// this program would not hash.
func (c *Client) block(ctx context.Context, number rpc.BlockNumber) (Head, error) {
	var answer *struct {
		Number hexutil.Uint64 `json:"number"`
		Hash   common.Hash    `json:"hash"`
		Time   hexutil.Uint64 `json:"timestamp"`
	}
	err := c.eth.Client().CallContext(ctx, &answer, "eth_getBlockByNumber", number, false)
	var refusal rpc.Error
	switch {
	case errors.As(err, &refusal) && number < 0: // go-ethereum: "finalized block not found"
		return Head{}, fmt.Errorf("reading head %v: %w: %w", number, err, hallmark.ErrNotFound)
	case err != nil:
		return Head{}, rpcError(fmt.Sprintf("reading block %v", number), err)
	case answer == nil:
		return Head{}, fmt.Errorf("reading block %v: %w", number, hallmark.ErrNotFound)
	}
	return Head{Number: uint64(answer.Number), Hash: Hash(answer.Hash), Time: blockTime(uint64(answer.Time))}, nil
}

func blockTime(seconds uint64) time.Time {
	return time.Unix(int64(min(seconds, 1<<40)), 0).UTC()
}

// AnchorState says how far the block of an anchor has come: orphaned if the chain has another block, or none, in its
// place.
func (c *Client) AnchorState(ctx context.Context, number uint64, hash Hash) (hallmark.AnchorState, error) {
	heads, err := c.Heads(ctx)
	if err != nil {
		return "", err
	}
	return c.stateAt(ctx, heads, number, hash)
}

func (c *Client) stateAt(ctx context.Context, heads Heads, number uint64, hash Hash) (hallmark.AnchorState, error) {
	block, err := c.block(ctx, rpc.BlockNumber(number)) //nolint:gosec // from a receipt or the contract
	switch {
	case errors.Is(err, hallmark.ErrNotFound):
		return hallmark.AnchorOrphaned, nil
	case err != nil:
		return "", err
	case block.Hash != hash:
		return hallmark.AnchorOrphaned, nil
	case number <= heads.Final.Number:
		return hallmark.AnchorFinal, nil
	case number <= heads.Safe.Number:
		return hallmark.AnchorSafe, nil
	}
	return hallmark.AnchorIncluded, nil
}

// anchor finds the event of a record in the block that the contract names, and how far that block has come. The heads
// are read before the record, so a record is never called final because of a block that came after.
func (c *Client) anchor(ctx context.Context, heads Heads, number uint64, topics ...common.Hash) (Anchor, *types.Log, error) {
	query := ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(number),
		ToBlock:   new(big.Int).SetUint64(number),
		Addresses: []common.Address{common.Address(c.contract)},
	}
	for _, topic := range topics {
		var alternatives []common.Hash // the zero topic matches anything
		if topic != (common.Hash{}) {
			alternatives = []common.Hash{topic}
		}
		query.Topics = append(query.Topics, alternatives)
	}
	logs, err := c.eth.FilterLogs(ctx, query)
	switch {
	case err != nil:
		return Anchor{}, nil, rpcError(fmt.Sprintf("reading events of block %d", number), err)
	case len(logs) != 1:
		return Anchor{}, nil, fmt.Errorf("block %d has %d events of the record, want 1: the chain moved or the endpoint is inconsistent: %w",
			number, len(logs), hallmark.ErrUnavailable)
	}
	log := logs[0]
	a := Anchor{Block: number, BlockHash: Hash(log.BlockHash), Tx: Hash(log.TxHash), Time: blockTime(log.BlockTimestamp)}
	a.State, err = c.stateAt(ctx, heads, number, a.BlockHash)
	return a, &log, err
}
