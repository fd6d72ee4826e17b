package chain

import (
	"crypto/ecdsa"

	"github.com/ethereum/go-ethereum/accounts/abi"

	"github.com/hallmark-ml/hallmark/chain/registry"
)

// GasKey lets a test misuse the gas key.
func GasKey(k *Keys) *ecdsa.PrivateKey { return k.gas }

// RPCError gives an error its kind.
func RPCError(err error) error { return rpcError("calling", err) }

func newTestABI() abi.ABI { return registry.NewRegistry().GetABI() }
