package chain

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
)

// Version reads the operator's record of a model. A model that the operator did not register is ErrNotFound.
func (c *Client) Version(ctx context.Context, model hallmark.Digest) (Version, error) {
	return c.VersionBy(ctx, c.operator, model)
}

// VersionBy reads an author's record of a model. Anybody can be an author: whether to trust one is the caller's choice.
func (c *Client) VersionBy(ctx context.Context, author Address, model hallmark.Digest) (Version, error) {
	heads, err := c.Heads(ctx)
	if err != nil {
		return Version{}, err
	}
	m, err := call(ctx, c, c.abi.PackGetModel(modelID(author, model)), c.abi.UnpackGetModel)
	if err != nil {
		return Version{}, rpcError(fmt.Sprintf("reading version %s of author %v", model.Short(), author), err)
	}
	return c.version(ctx, heads, m)
}

// Lineage reads the operator's record of a model and the records of the models it was made from, newest first, up to
// depth (1 to MaxDepth). It ends where a base model is not registered. Models that name each other as base are
// ErrLineage.
func (c *Client) Lineage(ctx context.Context, model hallmark.Digest, depth int) ([]Version, error) {
	if depth < 1 || depth > MaxDepth {
		return nil, fmt.Errorf("lineage depth %d is not in 1..%d: %w", depth, MaxDepth, hallmark.ErrInvalid)
	}
	heads, err := c.Heads(ctx)
	if err != nil {
		return nil, err
	}
	data := c.abi.PackLineage(modelID(c.operator, model), big.NewInt(int64(depth)))
	records, err := call(ctx, c, data, c.abi.UnpackLineage)
	if err != nil {
		return nil, rpcError(fmt.Sprintf("reading the lineage of %s", model.Short()), err)
	}
	seen := make(map[hallmark.Digest]bool, len(records))
	versions := make([]Version, 0, len(records))
	for _, m := range records {
		if seen[m.ModelDigest] {
			return nil, fmt.Errorf("lineage of %s: model %s is its own ancestor: %w", model.Short(), hallmark.Digest(m.ModelDigest).Short(), hallmark.ErrLineage)
		}
		seen[m.ModelDigest] = true
		v, err := c.version(ctx, heads, m)
		if err != nil {
			return nil, err
		}
		versions = append(versions, v)
	}
	return versions, nil
}

func (c *Client) version(ctx context.Context, heads Heads, m registry.ModelRegistryModel) (Version, error) {
	v := Version{
		VersionRecord: recordOf(m),
		ID:            modelID(Address(m.Author), m.ModelDigest),
		Author:        Address(m.Author),
		Registrar:     Address(m.Registrar),
		SupersededBy:  m.SupersededBy,
	}
	if m.RevokedAt != 0 {
		v.RevokedAt = blockTime(m.RevokedAt)
	}
	var err error
	v.Anchor, _, err = c.anchor(ctx, heads, m.BlockNumber, c.event(registry.RegistryModelRegistered{}.ContractEventName()),
		m.ModelDigest, common.Hash{}, common.BytesToHash(m.Author[:]))
	v.Anchor.Time = blockTime(m.RegisteredAt)
	return v, err
}

// Batch reads an author's anchored checkpoint by its tree head; none is ErrNotFound.
func (c *Client) Batch(ctx context.Context, author Address, root hallmark.Digest) (Batch, error) {
	heads, err := c.Heads(ctx)
	if err != nil {
		return Batch{}, err
	}
	b, err := call(ctx, c, c.abi.PackGetBatch(common.Address(author), root), c.abi.UnpackGetBatch)
	if err != nil {
		return Batch{}, rpcError(fmt.Sprintf("reading batch %s of author %v", root.Short(), author), err)
	}
	anchor, log, err := c.anchor(ctx, heads, b.BlockNumber, c.event(registry.RegistryBatchAnchored{}.ContractEventName()),
		common.Hash(root), common.BytesToHash(author[:]))
	if err != nil {
		return Batch{}, err
	}
	event, err := c.abi.UnpackBatchAnchoredEvent(log)
	if err != nil {
		return Batch{}, rpcError("decoding the batch's event", err)
	}
	anchor.Time = blockTime(b.AnchoredAt)
	return Batch{
		BatchRecord: BatchRecord{Root: root, Size: b.Size, CheckpointCID: joinCID(event.CheckpointDigest, codecRaw)},
		Author:      author,
		Anchor:      anchor,
	}, nil
}

// KeyLists reads every key list that an author has published, oldest first: the last one is current. None is no error.
func (c *Client) KeyLists(ctx context.Context, author Address) ([]KeyList, error) {
	heads, err := c.Heads(ctx)
	if err != nil {
		return nil, err
	}
	count, err := c.keyListCount(ctx, author)
	if err != nil {
		return nil, err
	}
	lists := make([]KeyList, 0, min(count, 1024))
	for i := range count {
		k, err := call(ctx, c, c.abi.PackKeyListAt(common.Address(author), new(big.Int).SetUint64(i)), c.abi.UnpackKeyListAt)
		if err != nil {
			return nil, rpcError(fmt.Sprintf("reading key list %d of author %v", i, author), err)
		}
		list := KeyList{
			KeyListRecord: KeyListRecord{Digest: k.ListDigest, CID: joinCID(k.CidDigest, codecRaw)},
			Author:        author,
			Sequence:      i,
		}
		list.Anchor, _, err = c.anchor(ctx, heads, k.BlockNumber, c.event(registry.RegistryKeyListSet{}.ContractEventName()),
			common.BytesToHash(author[:]), k.ListDigest)
		if err != nil {
			return nil, err
		}
		list.Anchor.Time = blockTime(k.SetAt)
		lists = append(lists, list)
	}
	return lists, nil
}

func (c *Client) keyListCount(ctx context.Context, author Address) (uint64, error) {
	count, err := call(ctx, c, c.abi.PackKeyListCount(common.Address(author)), c.abi.UnpackKeyListCount)
	if err != nil {
		return 0, rpcError(fmt.Sprintf("counting key lists of author %v", author), err)
	}
	return count.Uint64(), nil
}

// event returns the first topic of a named event.
func (c *Client) event(name string) common.Hash { return c.abi.GetABI().Events[name].ID }
