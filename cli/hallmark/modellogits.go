package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// topTokens is how many candidates of a position are printed.
const topTokens = 10

// positionLogits is one line of `hallmark model logits`.
type positionLogits struct {
	Position int         `json:"position"`
	SHA256   string      `json:"sha256"` // of the logits as little-endian float32
	Top      []candidate `json:"top"`
}

type candidate struct {
	ID      int32   `json:"id"`
	Logit   float32 `json:"logit"`
	LogProb float64 `json:"logProb"`
}

func (a *app) modelLogitsCmd(f *modelFlags) *cobra.Command {
	var list string
	var raw bool
	cmd := &cobra.Command{
		Use:   "logits FILE --ids 1,2,3",
		Short: "Print a digest and the ten best tokens of the logits after each token, as JSON lines",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			ids, err := parseIDs(list)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(a.out)
			lines := json.NewEncoder(out)
			err = a.withModel(cmd.Context(), f, paths[0], 0, func(s *sandbox.Session) error {
				return eachRow(cmd.Context(), s, ids, f.chunk, func(i int, row []float32) error {
					if raw {
						_, err := out.Write(littleEndian(row))
						return err
					}
					return lines.Encode(summarise(i, row))
				})
			})
			if err != nil {
				return err
			}
			return out.Flush()
		},
	}
	cmd.Flags().StringVar(&list, "ids", "", "token ids, separated by commas; required")
	cmd.Flags().BoolVar(&raw, "raw", false, "write the logits as little-endian float32 [positions][vocabulary]")
	return cmd
}

// replyFloats bounds the logits asked for at a time, in numbers.
const replyFloats = 4 << 20

// eachRow calls visit with the logits after each token, chunk positions at a time.
func eachRow(ctx context.Context, s *sandbox.Session, ids []int32, chunk int, visit func(i int, row []float32) error) error {
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	chunk = max(1, min(chunk, replyFloats/info.Vocab))
	for from := 0; from < len(ids); from += chunk {
		end := min(from+chunk, len(ids))
		positions := make([]int32, 0, chunk)
		for i := from; i < end; i++ {
			positions = append(positions, int32(i))
		}
		values, err := s.Logits(ctx, ids[:end], positions)
		if err != nil {
			return err
		}
		for i := range positions {
			if err := visit(from+i, values[i*info.Vocab:][:info.Vocab]); err != nil {
				return err
			}
		}
	}
	return nil
}

func littleEndian(row []float32) []byte {
	b := make([]byte, 0, 4*len(row))
	for _, v := range row {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func summarise(i int, row []float32) positionLogits {
	sum := sha256.Sum256(littleEndian(row))
	p := positionLogits{Position: i, SHA256: hex.EncodeToString(sum[:])}
	for _, id := range best(row, topTokens) {
		p.Top = append(p.Top, candidate{ID: id, Logit: row[id], LogProb: sample.LogProb(row, id)})
	}
	return p
}

// best returns the ids of the n largest values, the lowest id first among equals.
func best(row []float32, n int) []int32 {
	var top []int32
	for i, v := range row {
		at := len(top)
		for at > 0 && row[top[at-1]] < v {
			at--
		}
		if at < n {
			top = append(top[:at], append([]int32{int32(i)}, top[at:min(len(top), n-1)]...)...)
		}
	}
	return top
}

// greedyResult is what `hallmark model greedy` prints as JSON.
type greedyResult struct {
	IDs []int32 `json:"ids"`
	// Margins are the differences of the best and the second-best logit.
	Margins []float32 `json:"margins"`
	// SHA256 is that of all logits that the ids were chosen from, as little-endian float32.
	SHA256 string `json:"sha256"`
}

func (a *app) modelGreedyCmd(f *modelFlags) *cobra.Command {
	var list string
	var n int
	cmd := &cobra.Command{
		Use: "greedy FILE --ids 1,2,3 -n N", Short: "Continue token ids with the most likely token, N times", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			ids, err := parseIDs(list)
			if err != nil {
				return err
			}
			if n < 1 {
				return fmt.Errorf("-n %d: want at least 1: %w", n, errUsage)
			}
			var result greedyResult
			err = a.withModel(cmd.Context(), f, paths[0], 0, func(s *sandbox.Session) error {
				result, err = greedy(cmd.Context(), s, ids, n)
				return err
			})
			if err != nil {
				return err
			}
			return a.print(result, result.write)
		},
	}
	cmd.Flags().StringVar(&list, "ids", "", "token ids, separated by commas; required")
	cmd.Flags().IntVarP(&n, "tokens", "n", 16, "tokens to add")
	return cmd
}

func greedy(ctx context.Context, s *sandbox.Session, ids []int32, n int) (greedyResult, error) {
	r := greedyResult{IDs: []int32{}, Margins: []float32{}}
	stream := sha256.New()
	for len(r.IDs) < n {
		row, err := s.Logits(ctx, ids, []int32{int32(len(ids) - 1)}) //nolint:gosec // G115: of a context
		if err != nil {
			return r, err
		}
		_, _ = stream.Write(littleEndian(row)) // never fails
		top := best(row, 2)
		margin := float32(0)
		if len(top) > 1 {
			margin = row[top[0]] - row[top[1]]
		}
		ids = append(ids, top[0])
		r.IDs, r.Margins = append(r.IDs, top[0]), append(r.Margins, margin)
	}
	r.SHA256 = hex.EncodeToString(stream.Sum(nil))
	return r, nil
}

func (r greedyResult) write(w io.Writer) {
	for i, id := range r.IDs {
		fmt.Fprintf(w, "%d\t%.4f\n", id, r.Margins[i])
	}
	fmt.Fprintf(w, "sha256\t%s\n", r.SHA256)
}
