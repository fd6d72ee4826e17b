package devnet

import (
	"math/big"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// gasLimit of every block; above the 16,777,216 that one transaction may use since Osaka.
const gasLimit = 30_000_000

// genesis gives the gas account a million coins and holds the system contracts, among them the deterministic
// deployment factory that public chains have at the same address (EIP-7997).
func genesis(cfg Config) *core.Genesis {
	config := *params.AllDevChainProtocolChanges
	config.ChainID = new(big.Int).SetUint64(cfg.ChainID)
	if cfg.ChainID == 0 {
		config.ChainID.SetUint64(DefaultChainID)
	}
	config.BogotaTime = nil // not on any public chain yet

	alloc := core.SystemContractAllocs()
	million := new(big.Int).Mul(big.NewInt(1_000_000), big.NewInt(params.Ether))
	alloc[cfg.Gas] = types.Account{Balance: million}
	return &core.Genesis{
		Config:     &config,
		ExtraData:  config.ChainID.Bytes(), // a genesis block's hash does not cover its configuration
		GasLimit:   gasLimit,
		BaseFee:    big.NewInt(params.InitialBaseFee),
		Difficulty: new(big.Int),
		Alloc:      alloc,
	}
}
