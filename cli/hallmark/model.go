package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// modelFlags say how a model file is computed. None of them changes a bit of a result.
type modelFlags struct {
	isa     string
	threads int
	chunk   int
	memory  int64
}

func (a *app) modelCmd() *cobra.Command {
	var f modelFlags
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Look into a model file and compute with it, in the jail",
		Long: `The model commands open a GGUF file in a jailed process: its header, tokenizer and weights are read nowhere else.
The engine gives the same bits on every machine: what "logits" and "greedy" print can be compared across
instruction sets, numbers of threads and chunk sizes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for model: %w", args[0], errUsage)
			}
			return cmd.Help()
		},
	}
	cmd.PersistentFlags().StringVar(&f.isa, "isa", "", "instruction-set level: avx512, avx2, neon-dot, neon, rvv, rv64g or go (default: the best that the machine has)")
	cmd.PersistentFlags().IntVar(&f.threads, "threads", defaultThreads(), "threads to compute with")
	cmd.PersistentFlags().IntVar(&f.chunk, "chunk", 64, "positions to ask for at a time")
	cmd.PersistentFlags().Int64Var(&f.memory, "memory", 2<<30, "memory of the jailed process in bytes, beside the model's size")
	cmd.AddCommand(a.modelInspectCmd(&f), a.modelRunCmd(&f), a.modelTokenizeCmd(&f), a.modelLogitsCmd(&f), a.modelGreedyCmd(&f), a.modelQuantizeCmd(&f))
	return cmd
}

// withModel opens a session on a file, has it used, and closes it. output bounds one reply of the guest in bytes; 0 is the
// default.
func (a *app) withModel(ctx context.Context, f *modelFlags, path string, output int64, use func(*sandbox.Session) error) error {
	if f.threads < 1 || f.chunk < 1 || f.memory < 64<<20 {
		return fmt.Errorf("threads, chunk or memory is out of range: %w", errUsage)
	}
	guest, err := sealGuest(ctx, a.guest)
	if err != nil {
		return err
	}
	defer guest.Close()
	file, err := sandbox.SealFile(ctx, path)
	if errors.Is(err, hallmark.ErrNotFound) {
		return notThere(path, err)
	}
	if err != nil {
		return notThere(path, fmt.Errorf("%s: %w", path, err))
	}
	defer file.Close() // the session has its own descriptor
	s, err := sandbox.Open(ctx, file, sandbox.Config{
		Guest: guest, MinTier: hallmark.TierNoNamespaces, Threads: f.threads, ISA: f.isa,
		Limits: sandbox.Limits{Memory: f.memory, Output: output},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer s.Close()
	if err := use(s); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parseIDs reads token ids separated by commas.
func parseIDs(list string) ([]int32, error) {
	var ids []int32
	for _, field := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		id, err := strconv.ParseInt(field, 10, 32)
		if err != nil || id < 0 {
			return nil, fmt.Errorf("token id %.40q: want a whole number that is not negative: %w", field, errUsage)
		}
		ids = append(ids, int32(id))
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no token ids: name them with --ids 1,2,3: %w", errUsage)
	}
	return ids, nil
}

// rate is how many per second, for people.
func rate(n int, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(n)/d.Seconds())
}
