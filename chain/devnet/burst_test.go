package devnet_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/chain/devnet"
)

// TestBurst sends more transactions than any channel between the pool and the sealer holds.
func TestBurst(t *testing.T) {
	t.Parallel()
	const burst = 150
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	sender := crypto.PubkeyToAddress(key.PublicKey)
	eth := dial(t, start(t, devnet.Config{Dir: t.TempDir(), Gas: sender}))
	id := big.NewInt(devnet.DefaultChainID)
	to := common.Address{1}
	for nonce := range uint64(burst) {
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, To: &to, Gas: 21_000, GasFeeCap: big.NewInt(3e9), GasTipCap: big.NewInt(1e9),
		})
		require.NoError(t, err)
		require.NoError(t, eth.SendTransaction(t.Context(), tx))
	}
	require.Eventually(t, func() bool {
		mined, err := eth.NonceAt(t.Context(), sender, nil)
		require.NoError(t, err)
		height, err := eth.BlockNumber(t.Context())
		require.NoError(t, err)
		return mined == burst && height%32 == 0
	}, 90*time.Second, 5*time.Millisecond)
}
