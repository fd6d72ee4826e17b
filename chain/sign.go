package chain

import (
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/hallmark-ml/hallmark/chain/registry"
)

// The EIP-712 types of ModelRegistry.sol, as its *_TYPE constants hash them.
const (
	domainType       = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
	registrationType = "Registration(bytes32 modelDigest,bytes32 baseModelDigest,bytes32[] datasetDigests,bytes32 gitCommit," +
		"uint8 gitCommitLength,bytes32 reportDigest,uint8 reportCodec,bytes32 evidenceDigest,uint8 evidenceCodec," +
		"uint8 verdict,string name,address author,address registrar)"
	revocationType   = "Revocation(bytes32 id,bytes32 reasonDigest,address registrar)"
	supersessionType = "Supersession(bytes32 id,bytes32 successor,address registrar)"
	batchType        = "BatchAnchor(bytes32 root,uint64 size,bytes32 checkpointDigest,address author,address registrar)"
	keyListType      = "KeyListUpdate(uint64 sequence,bytes32 listDigest,bytes32 cidDigest,address author,address registrar)"
)

// A signer makes the author's signatures for one contract on one chain: they are void anywhere else.
type signer struct {
	keys   *Keys
	domain [32]byte // EIP-712 domain separator
}

func newSigner(keys *Keys, chainID uint64, contract Address) signer {
	return signer{keys: keys, domain: structHash(domainType,
		text("Hallmark ModelRegistry"), text("1"), number(chainID), account(contract))}
}

func (s signer) registration(r registry.ModelRegistryRegistration) ([]byte, error) {
	var datasets []byte
	for _, d := range r.DatasetDigests {
		datasets = append(datasets, d[:]...)
	}
	return s.sign(structHash(registrationType, r.ModelDigest, r.BaseModelDigest, crypto.Keccak256Hash(datasets),
		r.GitCommit, number(uint64(r.GitCommitLength)), r.ReportDigest, number(uint64(r.ReportCodec)), r.EvidenceDigest,
		number(uint64(r.EvidenceCodec)), number(uint64(r.Verdict)), text(r.Name), account(r.Author), account(r.Registrar)))
}

func (s signer) batch(b registry.ModelRegistryBatchAnchor) ([]byte, error) {
	return s.sign(structHash(batchType, b.Root, number(b.Size), b.CheckpointDigest, account(b.Author), account(b.Registrar)))
}

func (s signer) keyList(k registry.ModelRegistryKeyListUpdate) ([]byte, error) {
	return s.sign(structHash(keyListType, number(k.Sequence), k.ListDigest, k.CidDigest, account(k.Author), account(k.Registrar)))
}

func (s signer) revocation(id, reason [32]byte) ([]byte, error) {
	return s.sign(structHash(revocationType, id, reason, account(s.keys.Author())))
}

func (s signer) supersession(id, successor [32]byte) ([]byte, error) {
	return s.sign(structHash(supersessionType, id, successor, account(s.keys.Author())))
}

// sign returns r, s and v (27 or 28) over the typed data. The nonce is deterministic (RFC 6979): the same record gives
// the same bytes.
func (s signer) sign(hash [32]byte) ([]byte, error) {
	digest := crypto.Keccak256([]byte("\x19\x01"), s.domain[:], hash[:])
	signature, err := crypto.Sign(digest, s.keys.author)
	if err != nil {
		return nil, fmt.Errorf("signing for the contract: %w", err)
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}

// structHash is EIP-712's hashStruct over members that are words already.
func structHash(typ string, words ...[32]byte) [32]byte {
	data := crypto.Keccak256([]byte(typ))
	for _, w := range words {
		data = append(data, w[:]...)
	}
	return crypto.Keccak256Hash(data)
}

func text(s string) [32]byte { return crypto.Keccak256Hash([]byte(s)) }

func number(n uint64) (word [32]byte) {
	binary.BigEndian.PutUint64(word[24:], n)
	return word
}

func account[A ~[20]byte](a A) (word [32]byte) {
	copy(word[12:], a[:])
	return word
}

// modelID is ModelRegistry.modelId: the key of an author's record of a digest.
func modelID(author Address, model [32]byte) [32]byte { return entryID("model", author, model) }

// entryID is keccak256(abi.encode(kind, author, digest)).
func entryID(kind string, author Address, digest [32]byte) [32]byte {
	data := make([]byte, 0, 5*32)
	for _, w := range [][32]byte{number(3 * 32), account(author), digest, number(uint64(len(kind)))} {
		data = append(data, w[:]...)
	}
	var name [32]byte
	copy(name[:], kind)
	return crypto.Keccak256Hash(append(data, name[:]...))
}
