// Command outcomes makes what the tests of active learning replay: copies of models with noise in their weights, and tables
// of how the cases of a suite ended on many models. See README.md.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "outcomes:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "perturb":
		sigma, err := strconv.ParseFloat(args[3], 64)
		if err != nil {
			return err
		}
		return perturb(args[1], args[2], sigma)
	case len(args) > 1 && args[0] == "table":
		return table(args[1:])
	}
	return errors.New("usage: outcomes perturb IN.gguf OUT.gguf SIGMA | outcomes table GATE.json ...")
}

// perturb writes a copy of a model of type F16 whose matrices have noise: every weight is multiplied by about exp(sigma z),
// z normal. Below its sign a half float read as an integer grows with the logarithm of its magnitude: 1024 is a factor of 2.
func perturb(in, out string, sigma float64) error {
	data, err := os.ReadFile(in) //nolint:gosec // the file that the user named
	if err != nil {
		return err
	}
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	const seed = 20261125
	r := rand.New(rand.NewPCG(seed, uint64(sigma*1e6))) //nolint:gosec // noise, no secret
	for _, t := range f.Tensors {
		if len(t.Dims) < 2 || t.Type != gguf.F16 {
			continue
		}
		for at := t.Offset; at < t.Offset+t.Size; at += 2 {
			h := binary.LittleEndian.Uint16(data[at:])
			const ln2, largest = 0.6931, 0x7bff
			m := int(h&0x7fff) + int(r.NormFloat64()*sigma/ln2*1024)
			binary.LittleEndian.PutUint16(data[at:], h&0x8000|uint16(max(0, min(m, largest)))) //nolint:gosec // in range
		}
	}
	return os.WriteFile(out, data, 0o600)
}

// table prints, as CSV, a row a case: its id, and for each report the outcome's first letter (p, f, i, e, v) and tokens.
func table(paths []string) error {
	type cell struct {
		outcome hallmark.Outcome
		tokens  int
	}
	rows := map[string][]cell{}
	head := []string{"case"}
	for i, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // the file that the user named
		if err != nil {
			return err
		}
		var gate struct{ Report hallmark.Report }
		if err := json.Unmarshal(data, &gate); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		head = append(head, strings.TrimSuffix(filepath.Base(path), ".json"))
		for _, c := range gate.Report.Cases {
			if rows[c.ID] == nil {
				rows[c.ID] = make([]cell, len(paths))
			}
			rows[c.ID][i] = cell{c.Outcome, c.PromptTokens + c.OutputTokens}
		}
	}
	fmt.Println(strings.Join(head, ","))
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		fields := []string{id}
		for _, c := range rows[id] {
			fields = append(fields, fmt.Sprintf("%.1s%d", c.outcome, c.tokens))
		}
		fmt.Println(strings.Join(fields, ","))
	}
	return nil
}
