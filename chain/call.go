package chain

import (
	"context"
	"fmt"
	"math/big"
	"reflect"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
)

// callData signs an intent's record for the contract and packs the call that takes it there. The signature is the same
// each time it is made.
func (s *session) callData(ctx context.Context, in *intent) ([]byte, error) {
	switch in.Kind {
	case kindVersion:
		return s.registerCall(in)
	case kindBatch:
		return s.batchCall(in)
	case kindKeyList:
		return s.keyListCall(ctx, in)
	case kindRevocation:
		return s.revokeCall(in)
	case kindSupersession:
		return s.supersedeCall(in)
	}
	return nil, unknownKind(in)
}

func unknownKind(in *intent) error {
	return fmt.Errorf("intent of kind %.20q: %w", in.Kind, hallmark.ErrInvalid)
}

func (s *session) registerCall(in *intent) ([]byte, error) {
	var record VersionRecord
	if err := in.decode(&record); err != nil {
		return nil, err
	}
	r, err := record.registration()
	if err != nil {
		return nil, err
	}
	r.Author, r.Registrar = common.Address(s.author), common.Address(s.author)
	signature, err := s.sign.registration(r)
	return s.abi.PackRegister(r, signature), err
}

func (s *session) batchCall(in *intent) ([]byte, error) {
	var record BatchRecord
	if err := in.decode(&record); err != nil {
		return nil, err
	}
	checkpoint, err := splitRawCID(record.CheckpointCID)
	if err != nil {
		return nil, err
	}
	author := common.Address(s.author)
	b := registry.ModelRegistryBatchAnchor{Root: record.Root, Size: record.Size, CheckpointDigest: checkpoint, Author: author, Registrar: author}
	signature, err := s.sign.batch(b)
	return s.abi.PackAnchorBatch(b, signature), err
}

func (s *session) revokeCall(in *intent) ([]byte, error) {
	var record revocation
	if err := in.decode(&record); err != nil {
		return nil, err
	}
	var reason hallmark.Digest
	if record.ReasonCID != "" {
		var err error
		if reason, err = splitRawCID(record.ReasonCID); err != nil {
			return nil, err
		}
	}
	id := modelID(s.author, record.Model)
	signature, err := s.sign.revocation(id, reason)
	return s.abi.PackRevoke(id, reason, common.Address(s.author), signature), err
}

func (s *session) supersedeCall(in *intent) ([]byte, error) {
	var record supersession
	if err := in.decode(&record); err != nil {
		return nil, err
	}
	id, successor := modelID(s.author, record.Model), modelID(s.author, record.Successor)
	signature, err := s.sign.supersession(id, successor)
	return s.abi.PackSupersede(id, successor, common.Address(s.author), signature), err
}

// keyListCall signs the list as the next one of those that are on the chain; the session sends one list at a time.
func (s *session) keyListCall(ctx context.Context, in *intent) ([]byte, error) {
	var record KeyListRecord
	if err := in.decode(&record); err != nil {
		return nil, err
	}
	cid, err := splitRawCID(record.CID)
	if err != nil {
		return nil, err
	}
	sequence, err := s.keyListCount(ctx, s.author)
	if err != nil {
		return nil, err
	}
	author := common.Address(s.author)
	k := registry.ModelRegistryKeyListUpdate{Sequence: sequence, ListDigest: record.Digest, CidDigest: cid, Author: author, Registrar: author}
	signature, err := s.sign.keyList(k)
	return s.abi.PackSetKeyList(k, signature), err
}

// find looks on the chain for the effect that the intent's transaction is to have. It returns ErrNotFound if there is
// none and ErrConflict if the place holds another record.
func (s *session) find(ctx context.Context, in *intent) (Anchor, error) {
	switch in.Kind {
	case kindVersion:
		return s.findVersion(ctx, in)
	case kindBatch:
		return s.findBatch(ctx, in)
	case kindKeyList:
		return s.findKeyList(ctx, in)
	case kindRevocation:
		var want revocation
		if err := in.decode(&want); err != nil {
			return Anchor{}, err
		}
		return s.findEvent(ctx, want.Model, registry.RegistryModelRevoked{}.ContractEventName())
	case kindSupersession:
		var want supersession
		if err := in.decode(&want); err != nil {
			return Anchor{}, err
		}
		return s.findEvent(ctx, want.Model, registry.RegistryModelSuperseded{}.ContractEventName(), modelID(s.author, want.Successor))
	}
	return Anchor{}, unknownKind(in)
}

func (s *session) findVersion(ctx context.Context, in *intent) (Anchor, error) {
	var want VersionRecord
	if err := in.decode(&want); err != nil {
		return Anchor{}, err
	}
	got, err := s.VersionBy(ctx, s.author, want.Model)
	if err == nil && !sameVersion(got.VersionRecord, want) {
		err = otherRecord(got.Anchor)
	}
	return got.Anchor, err
}

func (s *session) findBatch(ctx context.Context, in *intent) (Anchor, error) {
	var want BatchRecord
	if err := in.decode(&want); err != nil {
		return Anchor{}, err
	}
	got, err := s.Batch(ctx, s.author, want.Root)
	if err == nil && got.BatchRecord != want {
		err = otherRecord(got.Anchor)
	}
	return got.Anchor, err
}

func (s *session) findKeyList(ctx context.Context, in *intent) (Anchor, error) {
	var want KeyListRecord
	if err := in.decode(&want); err != nil {
		return Anchor{}, err
	}
	lists, err := s.KeyLists(ctx, s.author)
	if err != nil {
		return Anchor{}, err
	}
	for _, got := range lists {
		if got.KeyListRecord == want {
			return got.Anchor, nil
		}
	}
	return Anchor{}, fmt.Errorf("key list %s of author %v: %w", want.Digest.Short(), s.author, hallmark.ErrNotFound)
}

func otherRecord(at Anchor) error {
	return fmt.Errorf("block %d holds another record: %w", at.Block, hallmark.ErrConflict)
}

func sameVersion(a, b VersionRecord) bool {
	x, errX := a.registration()
	y, errY := b.registration()
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// findEvent looks for an event that appends to a version's record, from the block of the record on. More are topics
// after the version's id.
func (s *session) findEvent(ctx context.Context, model hallmark.Digest, name string, more ...common.Hash) (Anchor, error) {
	v, err := s.VersionBy(ctx, s.author, model)
	if err != nil {
		return Anchor{}, err
	}
	query := ethereum.FilterQuery{
		FromBlock: new(big.Int).SetUint64(v.Anchor.Block),
		Addresses: []common.Address{common.Address(s.contract)},
		Topics:    [][]common.Hash{{s.event(name)}, {common.Hash(v.ID)}},
	}
	for _, topic := range more {
		query.Topics = append(query.Topics, []common.Hash{topic})
	}
	logs, err := s.eth.FilterLogs(ctx, query)
	switch {
	case err != nil:
		return Anchor{}, rpcError("reading events of version "+model.Short(), err)
	case len(logs) == 0:
		return Anchor{}, fmt.Errorf("version %s has no event %s: %w", model.Short(), name, hallmark.ErrNotFound)
	}
	return Anchor{Block: logs[0].BlockNumber, BlockHash: Hash(logs[0].BlockHash), Tx: Hash(logs[0].TxHash)}, nil
}
