package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// smallFile is the size of files that are scanned side by side, in bytes: a jailed process gets a copy of its file in memory.
const smallFile = 16 << 20

// A judging scans files side by side, each in a jailed process of its own, as many at a time as there are processors.
type judging struct {
	jail  *jail
	slots chan struct{}
	alone sync.RWMutex // held by a large file, or one whose time may have gone to others
}

// A judged file waits for those before it.
type judged struct {
	verdict scan.FileVerdict
	err     error
}

// judgeFiles scans every file at or below paths, and tells of the verdicts in lexical order. The first error ends it.
func (j *jail) judgeFiles(ctx context.Context, paths []string, tell func(v scan.FileVerdict, done, total int64) error) error {
	trees, err := surveyTrees(ctx, paths)
	if err != nil {
		return err
	}
	defer trees.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	side := defaultThreads()
	g := &judging{jail: j, slots: make(chan struct{}, side)}
	waiting := make(chan chan judged, side) // those that are done, and those that the first of them waits for
	go g.start(ctx, &trees, waiting)
	done := int64(0)
	for next := range waiting {
		one := <-next
		if err == nil {
			err = one.err
		}
		if err == nil {
			done++
			err = tell(one.verdict, done, trees.total)
		}
		if err != nil {
			stop() // and wait for those under way
		}
	}
	if err == nil && done < trees.total {
		err = ctx.Err()
	}
	return err
}

// start judges the files one after another, as there is room, until ctx ends.
func (g *judging) start(ctx context.Context, trees *fileTrees, waiting chan<- chan judged) {
	defer close(waiting)
	for t, rel := range trees.files() {
		select {
		case <-ctx.Done():
			return
		case g.slots <- struct{}{}:
		}
		one := make(chan judged, 1)
		waiting <- one
		go func() {
			defer func() { <-g.slots }()
			var v scan.FileVerdict
			err := t.visit(rel, func(f scannedFile) (err error) {
				v, err = g.verdict(ctx, f)
				return err
			})
			one <- judged{v, err}
		}()
	}
}

// verdict scans one file in the jail. A guest that reaches a limit or ends early is a property of the file; an error is
// one of this host.
func (g *judging) verdict(ctx context.Context, f scannedFile) (scan.FileVerdict, error) {
	if f.problem != "" {
		return scan.Judge(f.path, scan.FormatUnknown, []hallmark.Finding{{Rule: f.rule, Severity: hallmark.SeverityHigh, Message: f.problem}}), nil
	}
	report, err := g.scan(ctx, f, f.size > smallFile)
	run, ended := errors.AsType[*sandbox.RunError](err)
	if ended && run.Verdict == hallmark.RunWallLimit { // a busy host may have caused it, or another file
		report, err = g.scan(ctx, f, true)
		run, ended = errors.AsType[*sandbox.RunError](err)
	}
	if err == nil {
		return scan.Judge(f.path, report.Format, append(report.Findings, f.around(report)...)), nil
	}
	if !ended || run.Verdict == hallmark.RunUnsandboxed || run.Verdict == hallmark.RunInfraError {
		return scan.FileVerdict{}, fmt.Errorf("scan %s: %w", f.path, err)
	}
	why := fmt.Sprintf("the scan ended with %s: %s", run.Verdict, run.Detail)
	return scan.Judge(f.path, scan.FormatUnknown, []hallmark.Finding{{Rule: scan.RuleLimit, Severity: hallmark.SeverityHigh, Message: why}}), nil
}

// scan asks a jailed process about a file, beside others or alone.
func (g *judging) scan(ctx context.Context, f scannedFile, alone bool) (sandbox.ScanReport, error) { //nolint:revive // alone is what the caller knows
	lock := g.alone.RLocker()
	if alone {
		lock = &g.alone
	}
	lock.Lock()
	defer lock.Unlock()
	report, _, err := g.jail.scanFile(ctx, f.file, f.name, hallmark.TierNoNamespaces)
	return report, err
}
