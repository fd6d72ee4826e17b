package chain_test

import (
	"crypto/ecdsa"
	"math/big"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/params"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
)

// A manual chain mines when the test says so and can be re-organised. Other is an account with coins that is not ours.
type manual struct {
	*proxy
	fixture

	backend *simulated.Backend
	other   *ecdsa.PrivateKey
}

func newManual(t *testing.T) manual {
	t.Helper()
	m := manual{fixture: fixture{keys: chain.FreshKeys(t)}}
	var err error
	m.other, err = crypto.GenerateKey()
	require.NoError(t, err)
	rich := types.Account{Balance: new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether))}
	m.backend = simulated.NewBackend(types.GenesisAlloc{
		common.Address(m.keys.Gas()):              rich,
		crypto.PubkeyToAddress(m.other.PublicKey): rich,
	}, func(_ *node.Config, c *ethconfig.Config) {
		config := *c.Genesis.Config
		config.BogotaTime = nil // as in package devnet
		c.Genesis.Config = &config
	})
	t.Cleanup(func() { require.NoError(t, m.backend.Close()) })
	// The backend's client embeds one that reaches the RPC connection, behind a field of the same name.
	inner, ok := reflect.TypeAssert[*ethclient.Client](reflect.ValueOf(m.backend.Client()).FieldByName("Client"))
	require.True(t, ok)
	m.proxy = newProxy(t, inner.Client())

	deployed := make(chan error, 1)
	go func() {
		var err error
		m.contract, err = chain.Deploy(t.Context(), m.url, m.keys)
		deployed <- err
	}()
	m.mineSent(t)
	require.NoError(t, <-deployed)
	m.client, err = chain.Dial(t.Context(), m.url, m.contract)
	require.NoError(t, err)
	t.Cleanup(m.client.Close)
	return m
}

// mineSent waits for a transaction in the pool and mines it.
func (m manual) mineSent(t *testing.T) {
	t.Helper()
	m.await(t, func() bool {
		n, err := m.backend.Client().PendingNonceAt(t.Context(), common.Address(m.keys.Gas()))
		require.NoError(t, err)
		mined, err := m.backend.Client().NonceAt(t.Context(), common.Address(m.keys.Gas()), nil)
		require.NoError(t, err)
		return n > mined
	})
	m.backend.Commit()
}

// await polls the chain itself, which has no event for what is in its pool.
func (m manual) await(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, waitLimit, pollEvery)
}

// finalize mines past the end of an epoch.
func (m manual) finalize() {
	for range 33 {
		m.backend.Commit()
	}
}

// mineToFinal mines until an anchor is final.
func (m manual) mineToFinal(t *testing.T, a *chain.Anchorer, key string) (s chain.Status) {
	t.Helper()
	m.await(t, func() bool {
		m.backend.Commit()
		var err error
		s, err = a.Status(t.Context(), key)
		require.NoError(t, err)
		return s.State == hallmark.AnchorFinal
	})
	return s
}

// nonce returns how many transactions of the gas account the chain has mined.
func (m manual) nonce(t *testing.T) uint64 {
	t.Helper()
	n, err := m.backend.Client().NonceAt(t.Context(), common.Address(m.keys.Gas()), nil)
	require.NoError(t, err)
	return n
}

// send has another account send a transaction.
func (m manual) send(t *testing.T, key *ecdsa.PrivateKey, nonce uint64, to chain.Address, data []byte, tip int64) {
	t.Helper()
	id := params.AllDevChainProtocolChanges.ChainID
	address := common.Address(to)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, To: &address, Data: data, Gas: 1_000_000,
		GasTipCap: big.NewInt(tip), GasFeeCap: big.NewInt(100 * params.GWei),
	})
	require.NoError(t, err)
	require.NoError(t, m.backend.Client().SendTransaction(t.Context(), tx))
}
