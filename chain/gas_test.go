package chain_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
)

// TestGas holds the cost of each kind of record, which is nearly all storage: 22,100 a word.
func TestGas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	eth, err := ethclient.DialContext(t.Context(), f.node.URL())
	require.NoError(t, err)
	defer eth.Close()
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	full, plain := record("full"), record("plain")
	full.Name = "sixty-four bytes are two more words than a name of up to thirty-one"[:64]
	plain.Datasets, plain.GitCommit, plain.Name, plain.BaseModel = nil, "", "", hallmark.Digest{}
	ask := []struct {
		name  string
		limit uint64
		do    func() (string, error)
	}{
		{"version, two data sets, longest name", 350_000, func() (string, error) { return a.Register(t.Context(), full) }},
		{"version, fewest fields", 170_000, func() (string, error) { return a.Register(t.Context(), plain) }},
		{"batch", 60_000, func() (string, error) {
			return a.Batch(t.Context(), chain.BatchRecord{Root: hallmark.DigestOf([]byte("root")), Size: 1 << 20, CheckpointCID: cid("checkpoint")})
		}},
		{"first key list", 128_000, func() (string, error) {
			return a.SetKeyList(t.Context(), chain.KeyListRecord{Digest: hallmark.DigestOf([]byte("keys")), CID: cid("keys")})
		}},
		{"supersession", 67_000, func() (string, error) { return a.Supersede(t.Context(), full.Model, plain.Model) }},
		{"revocation", 65_000, func() (string, error) { return a.Revoke(t.Context(), full.Model, cid("reason")) }},
	}
	for _, record := range ask {
		key, err := record.do()
		require.NoError(t, err)
		s := final(t, a, key)
		receipt, err := eth.TransactionReceipt(t.Context(), common.Hash(s.Tx))
		require.NoError(t, err)
		t.Logf("%-40s %7d gas", record.name, receipt.GasUsed)
		require.LessOrEqual(t, receipt.GasUsed, record.limit, record.name)
	}
}
