package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// board measures the engine alone, on machines that llama.cpp's package is not made for: decoding and prefill of random models,
// each type at the best instruction set and without assembly, with one thread and with all.
func board(ctx context.Context, o options) error {
	b := &bench{options: o, shelf: newShelf(o.cache, nil)}
	b.machine.describe()
	preset := "110M"
	if o.quick {
		preset = "tiny-llama"
	}
	fmt.Printf("%s\n%d rounds, medians; random weights, %s.\n\n", b.machine.line(), o.rounds, preset)
	fmt.Print("| type | instruction set | threads | decode, tokens/s | of it read, GB/s | prefill of 64, tokens/s |\n|---|---|---|---|---|---|\n")
	for _, typ := range []string{"Q8_0", "Q4_0", "Q4_K", "Q6_K", "F16", "F32"} {
		if !b.want("board/" + strings.ToLower(typ)) {
			continue
		}
		path, err := b.shelf.path(ctx, recipe{preset: preset, typ: typ})
		if err != nil {
			return err
		}
		for _, isa := range slices.Compact([]string{kernel.ISA(), "go"}) {
			if err := b.boardRows(ctx, os.Stdout, path, typ, isa); err != nil {
				return err
			}
		}
	}
	return nil
}

// boardRows writes what a model does at an instruction set, a row for each number of threads.
func (b *bench) boardRows(ctx context.Context, out io.Writer, path, typ, isa string) (err error) {
	w, err := ours(ctx, path, "-isa", isa)
	if err != nil {
		return err
	}
	defer func() { err = w.stop(err) }()
	for _, threads := range slices.Compact([]int{1, runtime.NumCPU()}) {
		if _, err := w.ask("threads %d", threads); err != nil {
			return err
		}
		var decode, prefill, read []float64
		for range b.rounds {
			a, err := w.ask("decode 64 16")
			if err != nil {
				return err
			}
			p, err := w.ask("prefill 64")
			if err != nil {
				return err
			}
			rate := b.rate(threads)
			decode, prefill, read = append(decode, rate(a)), append(prefill, rate(p)), append(read, rate(a)*float64(a.Bytes)/1e9)
		}
		fmt.Fprintf(out, "| %s | %s | %d | %s | %s | %s |\n", typ, isa, threads, number(median(decode)), number(median(read)), number(median(prefill)))
	}
	return nil
}
