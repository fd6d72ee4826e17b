// Command digest computes fixed work in many ways and prints SHA-256 sums of logits, which must be the same in all of them, on
// every machine. Without arguments it prints the instruction sets that this machine has. With a folder of models it reads runs,
// one a line:
//
//	instruction-set threads batch chunk shared work model
//
// as in "avx2 2 8 7 true short llama-Q4_K", with chunk 0 for texts as a whole, and prints a line for each: the digest of the
// logits of the first text, of the first 8 and of all 32, as far as the batch goes. The model "functions" stands for functions
// of package kernel at arguments that models do not reach.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/engine/model"
)

func main() {
	if len(os.Args) == 1 {
		fmt.Println(strings.Join(kernel.ISAs(), "\n"))
		return
	}
	if err := runs(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runs computes a run a line.
func runs(dir string, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		r, err := parse(lines.Text())
		if err != nil {
			return err
		}
		sums, err := r.sums(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		if _, err := fmt.Fprintln(out, strings.Join(sums, " ")); err != nil {
			return err
		}
	}
	return lines.Err()
}

// run is one way to compute one model's work.
type run struct {
	isa                   string
	threads, batch, chunk int
	shared                bool // the beginning of all texts is computed once
	work, model           string
}

func parse(line string) (run, error) {
	var r run
	_, err := fmt.Sscan(line, &r.isa, &r.threads, &r.batch, &r.chunk, &r.shared, &r.work, &r.model)
	if err != nil {
		return run{}, fmt.Errorf("run %q: %w", line, err)
	}
	return r, nil
}

// sums returns the digests that a run is about.
func (r *run) sums(dir string) ([]string, error) {
	if err := kernel.SetISA(r.isa); err != nil {
		return nil, err
	}
	if r.model == "functions" {
		return []string{fmt.Sprintf("%x", functions())}, nil
	}
	m, err := load(filepath.Join(dir, r.model+".gguf"), r.threads)
	if err != nil {
		return nil, err
	}
	w, ok := works[r.work]
	if !ok {
		return nil, fmt.Errorf("no work %q", r.work)
	}
	logits, err := w.logits(m, r)
	if err != nil {
		return nil, err
	}
	var sums []string
	d := model.NewDigest()
	for i, l := range logits {
		d.Add(l)
		if i == 0 || i == 7 || i == 31 {
			sums = append(sums, fmt.Sprintf("%x", d.Sum()))
		}
	}
	return sums, nil
}

func load(path string, threads int) (*model.Model, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	if err != nil {
		return nil, err
	}
	return model.Load(f, data, model.Config{Threads: threads})
}
