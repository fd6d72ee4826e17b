package chain

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
	"github.com/hallmark-ml/hallmark/contracts"
)

// deployPoll is how often Deploy looks whether its transaction is in a block.
const deployPoll = 50 * time.Millisecond

// RegistryAddress returns where [Deploy] puts the contract of an operator: the same address on every chain, since it
// depends on nothing but the contract's code and the operator (CREATE2, EIP-1014).
func RegistryAddress(operator Address) Address {
	return Address(crypto.CreateAddress2(params.DeterministicFactoryAddress, [32]byte{}, crypto.Keccak256(initCode(operator))))
}

func initCode(operator Address) []byte {
	creation := contracts.ModelRegistry().Creation
	arguments := registry.NewRegistry().PackConstructor(common.Address(operator))
	return append(slices.Clip(creation), arguments...)
}

// Deploy puts the contract on the chain, with the author of keys as its operator and paid by their gas key, unless it is
// there already, and returns its address once it is in a block. It is safe to call again after a crash at any point: the
// address can hold one contract only. The gas key must not be in use by a running [Anchorer].
func Deploy(ctx context.Context, url string, keys *Keys) (Address, error) {
	eth, err := dial(ctx, url)
	if err != nil {
		return Address{}, err
	}
	defer eth.Close()
	contract := RegistryAddress(keys.Author())
	there, err := hasCode(ctx, eth, contract)
	if err != nil || there {
		return contract, err
	}
	factory, err := hasCode(ctx, eth, Address(params.DeterministicFactoryAddress))
	switch {
	case err != nil:
		return Address{}, err
	case !factory:
		return Address{}, hallmark.WithHint(fmt.Errorf("deploying the registry: the chain has no deployment factory at %v: %w",
			params.DeterministicFactoryAddress, hallmark.ErrNotFound), "put the deterministic deployment factory of EIP-7997 on the chain first")
	}
	if err := sendDeployment(ctx, eth, keys); err != nil {
		return Address{}, err
	}
	return contract, awaitCode(ctx, eth, contract)
}

func hasCode(ctx context.Context, eth *ethclient.Client, address Address) (bool, error) {
	code, err := eth.CodeAt(ctx, common.Address(address), nil)
	return len(code) > 0, rpcError(fmt.Sprintf("reading the code at %v", address), err)
}

func sendDeployment(ctx context.Context, eth *ethclient.Client, keys *Keys) error {
	id, err := eth.ChainID(ctx)
	if err != nil {
		return rpcError("asking the chain for its id", err)
	}
	nonce, err := eth.NonceAt(ctx, common.Address(keys.Gas()), nil)
	if err != nil {
		return rpcError("reading the gas account's nonce", err)
	}
	salted := append(make([]byte, 32), initCode(keys.Author())...)
	tx, err := signTx(ctx, eth, keys, id, nonce, ethereum.CallMsg{To: &params.DeterministicFactoryAddress, Data: salted})
	if err != nil {
		return err
	}
	sent := eth.SendTransaction(ctx, tx)
	if pending, err := eth.PendingNonceAt(ctx, common.Address(keys.Gas())); err == nil && pending > nonce {
		return nil // this transaction, or that of an earlier attempt
	}
	return rpcError("sending the deployment", sent)
}

func awaitCode(ctx context.Context, eth *ethclient.Client, contract Address) error {
	ticker := time.NewTicker(deployPoll)
	defer ticker.Stop()
	for {
		there, err := hasCode(ctx, eth, contract)
		if err != nil || there {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the registry at %v: %w: %w", contract, ctx.Err(), hallmark.ErrUnavailable)
		case <-ticker.C:
		}
	}
}

// signTx estimates gas and fees of a call by the gas key and signs it. What the contract refuses is refused here, before
// anything is sent or paid.
func signTx(ctx context.Context, eth *ethclient.Client, keys *Keys, chainID *big.Int, nonce uint64, msg ethereum.CallMsg) (*types.Transaction, error) {
	msg.From = common.Address(keys.Gas())
	gas, err := eth.EstimateGas(ctx, msg)
	if err != nil {
		return nil, rpcError("estimating gas", err)
	}
	tip, err := eth.SuggestGasTipCap(ctx)
	if err != nil {
		return nil, rpcError("asking for a tip", err)
	}
	head, err := eth.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, rpcError("reading the base fee", err)
	}
	if head.BaseFee == nil {
		return nil, fmt.Errorf("chain %v has no base fee (EIP-1559): %w", chainID, hallmark.ErrInvalid)
	}
	feeCap := new(big.Int).Add(tip, new(big.Int).Lsh(head.BaseFee, 1)) // stays good for six full blocks
	tx, err := types.SignNewTx(keys.gas, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
		ChainID: chainID, Nonce: nonce, To: msg.To, Data: msg.Data,
		Gas: gas + gas/8, GasTipCap: tip, GasFeeCap: feeCap,
	})
	if err != nil {
		return nil, fmt.Errorf("signing a transaction: %w", err)
	}
	return tx, nil
}
