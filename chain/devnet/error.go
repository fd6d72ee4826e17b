package devnet

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/node"

	"github.com/hallmark-ml/hallmark"
)

// startError gives the causes that a user can remove a kind and the next step.
func startError(cfg Config, err error) error {
	var otherGenesis *core.GenesisMismatchError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return hallmark.WithHint(fmt.Errorf("starting the development chain on %s: %w: %w", cfg.Addr, err, hallmark.ErrUnavailable),
			"stop the process that listens there or choose another port")
	case errors.Is(err, node.ErrDatadirUsed):
		return hallmark.WithHint(fmt.Errorf("starting the development chain in %s: %w: %w", cfg.Dir, err, hallmark.ErrUnavailable),
			"stop the process that uses this directory or choose another one")
	case errors.As(err, &otherGenesis):
		return hallmark.WithHint(fmt.Errorf("starting the development chain in %s: %w: %w", cfg.Dir, err, hallmark.ErrConflict),
			"use the chain id and the gas key that the directory was made with")
	}
	return fmt.Errorf("starting the development chain: %w", err)
}
