package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// bench measures a process that does nothing, from its start to its end: plain, and in both tiers.
func bench(arg string) {
	n, err := strconv.Atoi(arg)
	must(err)
	ctx := context.Background()
	exe, err := os.Open("/proc/self/exe")
	must(err)
	program, _, err := jail.SealProgram(ctx, exe)
	must(err)
	model, _, err := jail.Seal(ctx, "order", bytes.NewReader([]byte(`{"Bomb":"quick"}`)), nil)
	must(err)
	jailed := func(t hallmark.Tier) func() {
		return func() {
			p, err := jail.Start(ctx, jail.Spec{Program: program, Model: model, Tier: t, Threads: 2})
			must(err)
			must(p.Stop().Err())
		}
	}
	cases := []struct {
		name string
		run  func()
		took []time.Duration
	}{
		{name: "plain", run: func() { must(exec.Command("/proc/self/exe", "nothing").Run()) }},
		{name: "full", run: jailed(hallmark.TierFull)},
		{name: "no-namespaces", run: jailed(hallmark.TierNoNamespaces)},
	}
	for range n {
		for i := range cases {
			start := time.Now()
			cases[i].run()
			cases[i].took = append(cases[i].took, time.Since(start))
		}
	}
	for _, c := range cases {
		slices.Sort(c.took)
		slices.Sort(cases[0].took)
		least, half := c.took[0], c.took[n/2]
		fmt.Printf("%-14s min %6.2f ms (%.2fx)   p50 %6.2f ms (%.2fx)   p99 %6.2f ms\n", c.name,
			ms(least), ms(least)/ms(cases[0].took[0]), ms(half), ms(half)/ms(cases[0].took[n/2]), ms(c.took[n*99/100]))
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
