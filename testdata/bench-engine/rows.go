package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// target is a floor and a goal.
type target struct{ floor, goal float64 }

// kinds are the types that are measured, with their targets: decoding with one and two threads, prefill with one.
var kinds = []struct {
	typ         string
	one, two, p target
}{
	{"Q8_0", target{1.0, 1.45}, target{0.95, 1.1}, target{2, 3}},
	{"Q4_0", target{0.95, 1.2}, target{0.9, 1}, target{1.5, 2.5}},
	{"Q4_K_M", target{0.95, 1.2}, target{0.9, 1}, target{1.5, 2.5}},
	{"Q6_K", target{0.95, 1}, target{0.95, 1}, target{1.5, 2.5}},
	{"F16", target{0.95, 1}, target{0.95, 1}, target{1, 1.5}},
}

// types measures decoding and prefill of every type.
func (b *bench) types(ctx context.Context) error {
	z := b.sizes()
	for _, k := range kinds {
		low := strings.ToLower(k.typ)
		ids := []string{"decode/" + low + "/1", "decode/" + low + "/2", "bandwidth/" + low + "/1", "bandwidth/" + low + "/2", "prefill/" + low + "/1", "prefill/" + low + "/2", "allocs/" + low}
		if !b.want(ids...) {
			continue
		}
		err := b.both(ctx, recipe{preset: z.large, typ: k.typ}, func(p pair) error {
			for threads, t := range []target{1: k.one, 2: k.two} {
				if threads > 0 {
					if err := b.decode(ctx, p, k.typ, threads, t); err != nil {
						return err
					}
				}
			}
			return b.prefill(p, k.typ, k.p)
		})
		if err := b.unable(err, ids...); err != nil {
			return err
		}
	}
	return nil
}

// decode measures one token at a time, and how much of the memory's bandwidth that uses.
// The bandwidth is measured anew just before: what else uses the memory of a shared machine changes within minutes.
func (b *bench) decode(ctx context.Context, p pair, typ string, threads int, t target) error {
	z, low := b.sizes(), strings.ToLower(typ)
	if !b.want(fmt.Sprintf("decode/%s/%d", low, threads), fmt.Sprintf("bandwidth/%s/%d", low, threads), "allocs/"+low) {
		return nil
	}
	if err := p.threads(threads); err != nil {
		return err
	}
	var now machine
	if err := now.measure(ctx, b.p, b.quick); err != nil {
		return err
	}
	ours, theirs, ratio, all, err := b.turns(p, b.rate(threads), "decode %d %d", z.depth, z.decode)
	if err != nil {
		return err
	}
	b.add(row{
		id: fmt.Sprintf("decode/%s/%d", low, threads), figure: fmt.Sprintf("decode, batch 1, %s, %s, %s", z.large, typ, count(threads)),
		unit: "tokens/s", ours: ours, theirs: theirs, value: ratio, floor: t.floor, goal: t.goal,
	})
	read := ours * float64(all[0].ours.Bytes)
	best := now.bandwidth(threads)
	b.add(row{
		id: fmt.Sprintf("bandwidth/%s/%d", low, threads), figure: fmt.Sprintf("the same against the read bandwidth, %s, %s", typ, count(threads)),
		unit: "GB/s", ours: read / 1e9, theirs: best / 1e9, value: read / best, floor: 0.7, goal: 0.85, note: "against the read loop",
	})
	if threads == 1 {
		b.add(row{
			id: "allocs/" + low, figure: "allocations a decoded token, " + typ, unit: "", ours: all[len(all)-1].ours.Allocs, theirs: math.NaN(),
			value: all[len(all)-1].ours.Allocs, goal: 0.01, less: true,
		})
	}
	return nil
}

func (b *bench) prefill(p pair, typ string, t target) error {
	z, low := b.sizes(), strings.ToLower(typ)
	for _, threads := range []int{1, 2} {
		id := fmt.Sprintf("prefill/%s/%d", low, threads)
		if !b.want(id) {
			continue
		}
		if err := p.threads(threads); err != nil {
			return err
		}
		ours, theirs, ratio, _, err := b.turns(p, b.rate(threads), "prefill %d", z.prefill)
		if err != nil {
			return err
		}
		b.add(row{
			id: id, figure: fmt.Sprintf("prefill of %d, %s, %s, %s", z.prefill, z.large, typ, count(threads)),
			unit: "tokens/s", ours: ours, theirs: theirs, value: ratio, floor: t.floor, goal: t.goal,
		})
	}
	return nil
}

// kernel measures the matrix product alone against the peak of the instruction that it is made of.
func (b *bench) kernel(ctx context.Context) error {
	if !b.want("gemm/q8_0") {
		return nil
	}
	path, err := b.shelf.path(ctx, recipe{preset: "tiny-llama", typ: "Q8_0"})
	if err != nil {
		return err
	}
	w, err := ours(ctx, path)
	if err != nil {
		return b.unable(err, "gemm/q8_0")
	}
	most := 0.0
	for range b.rounds {
		a, err := w.ask("gemm 2048 2048 512")
		if err != nil {
			return w.stop(err)
		}
		most = max(most, a.Ops/a.CPU)
	}
	peak := b.machine.ByteOps
	b.add(row{
		id: "gemm/q8_0", figure: "GEMM kernel, Q8_0, 2048 x 2048 x 512, against the peak of byte products", unit: "Gop/s",
		ours: most / 1e9, theirs: peak / 1e9, value: most / peak, floor: 0.75, goal: 0.88, note: "against the peak, by processor time",
	})
	return w.stop(nil)
}

// memory compares the largest resident set of a process that loads a model, computes a prompt and decodes.
func (b *bench) memory(ctx context.Context) error {
	z := b.sizes()
	for _, typ := range []string{"Q4_0", "Q4_K_M"} {
		id := "memory/" + strings.ToLower(typ)
		if !b.want(id) {
			continue
		}
		var kb [2]float64
		err := b.both(ctx, recipe{preset: z.large, typ: typ}, func(p pair) error {
			for i, w := range []*process{p.ours, p.theirs} {
				_, err := w.ask("prefill %d", z.prefill)
				_, other := w.ask("decode %d %d", z.prefill, z.decode)
				a, third := w.ask("peak")
				if err := errors.Join(err, other, third); err != nil {
					return err
				}
				kb[i] = float64(a.PeakKB)
			}
			return nil
		})
		if err != nil {
			if err := b.unable(err, id); err != nil {
				return err
			}
			continue
		}
		b.add(row{
			id: id, figure: fmt.Sprintf("peak resident memory, %s, %s", z.large, typ), unit: "MiB",
			ours: kb[0] / 1024, theirs: kb[1] / 1024, value: kb[0] / kb[1], floor: 0.7, goal: 0.62, less: true, note: "mapped file pages count",
		})
	}
	return nil
}

// firstToken measures from the start of a process to the logits of 16 tokens, of a file that is not in the page cache.
func (b *bench) firstToken(ctx context.Context) error {
	const id = "first-token/q4_k_m"
	if !b.want(id) {
		return nil
	}
	path, err := b.shelf.path(ctx, recipe{preset: b.sizes().large, typ: "Q4_K_M"})
	if err != nil {
		return err
	}
	var times [2][]float64
	for range b.rounds {
		for i, begin := range []func() (*process, error){
			func() (*process, error) { return ours(ctx, path, "-threads", "2") },
			func() (*process, error) { return b.p.theirs(ctx, path, "--threads", "2") },
		} {
			seconds, err := first(path, begin)
			if err != nil {
				return b.unable(err, id)
			}
			times[i] = append(times[i], seconds)
		}
	}
	var ratios []float64
	for i := range times[0] {
		ratios = append(ratios, times[0][i]/times[1][i])
	}
	b.add(row{
		id: id, figure: "time to the first token, file not in memory, " + b.sizes().large + ", Q4_K_M, 2 threads", unit: "s",
		ours: median(times[0]), theirs: median(times[1]), value: median(ratios), floor: 0.7, goal: 0.5, less: true,
		note: "from the start of the process, 16 tokens of prompt",
	})
	return nil
}

func first(path string, begin func() (*process, error)) (float64, error) {
	if err := forget(path); err != nil {
		return 0, err
	}
	w, err := begin()
	if err != nil {
		return 0, err
	}
	_, err = w.ask("prefill 16")
	seconds := time.Since(w.started).Seconds()
	return seconds, w.stop(err)
}

// forget removes a file from the page cache.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// pureGo compares the engine without assembly to the engine with it.
func (b *bench) pureGo(ctx context.Context) error {
	z := b.sizes()
	for _, k := range []struct{ id, command string }{
		{"pure-go/decode", fmt.Sprintf("decode %d %d", z.depth, min(z.decode, 8))},
		{"pure-go/prefill", "prefill 64"},
	} {
		if !b.want(k.id) {
			continue
		}
		if err := b.unable(b.isas(ctx, k.id, k.command), k.id); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) isas(ctx context.Context, id, command string) (err error) {
	path, err := b.shelf.path(ctx, recipe{preset: "110M", typ: "Q8_0"})
	if err != nil {
		return err
	}
	plain, err := ours(ctx, path, "-isa", "go")
	if err != nil {
		return err
	}
	defer func() { err = plain.stop(err) }()
	fast, err := ours(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = fast.stop(err) }()
	ours, theirs, ratio, _, err := b.turns(pair{plain, fast}, b.rate(1), "%s", command)
	if err != nil {
		return err
	}
	b.add(row{
		id: id, figure: "pure Go against assembly, 110M, Q8_0, " + strings.TrimPrefix(id, "pure-go/"), unit: "tokens/s",
		ours: ours, theirs: theirs, value: ratio, goal: 0.15, note: "against assembly",
	})
	return nil
}

// latency compares how long single tokens take.
func (b *bench) latency(ctx context.Context) error {
	z := b.sizes()
	ids := []string{"phi3/p50", "phi3/p99"}
	if !b.want(ids...) {
		return nil
	}
	err := b.both(ctx, recipe{preset: z.phi, typ: "Q4_K_M"}, func(p pair) error {
		if err := p.threads(2); err != nil {
			return err
		}
		half := func(a answer) float64 { return percentile(a.Each, 50) }
		ours, theirs, ratio, all, err := b.turns(p, half, "decode %d %d", z.depth, z.each)
		if err != nil {
			return err
		}
		figure := fmt.Sprintf("%s, Q4_K_M, 2 threads: decode", z.phi)
		b.add(row{id: "phi3/p50", figure: figure + ", median", unit: "ms", ours: ours, theirs: theirs, value: ratio, floor: 1.05, goal: 1, less: true})
		var mine, other []float64
		for _, a := range all {
			mine, other = append(mine, percentile(a.ours.Each, 99)/half(a.ours)), append(other, percentile(a.theirs.Each, 99)/half(a.theirs))
		}
		b.add(row{id: "phi3/p99", figure: figure + ", 99th of 100 against the median", ours: median(mine), theirs: median(other), value: median(mine), floor: 1.3, goal: 1.2, less: true})
		return nil
	})
	return b.unable(err, ids...)
}

// percentile returns the p-th of 100 of some times, in milliseconds.
func percentile(ns []int64, p int) float64 {
	ns = slices.Sorted(slices.Values(ns))
	return float64(ns[min(len(ns)-1, len(ns)*p/100)]) / 1e6
}

func count(threads int) string {
	if threads == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", threads)
}
