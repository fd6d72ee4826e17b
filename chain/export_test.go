package chain

import (
	"crypto/ecdsa"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/chain/registry"
)

// FreshKeys makes keys that no file holds: opening one costs more than most tests.
func FreshKeys(t *testing.T) *Keys {
	t.Helper()
	author, err := crypto.GenerateKey()
	require.NoError(t, err)
	gas, err := crypto.GenerateKey()
	require.NoError(t, err)
	return &Keys{author: author, gas: gas}
}

// GasKey lets a test misuse the gas key.
func GasKey(k *Keys) *ecdsa.PrivateKey { return k.gas }

// RPCError gives an error its kind.
func RPCError(err error) error { return rpcError("calling", err) }

func newTestABI() abi.ABI { return registry.NewRegistry().GetABI() }
