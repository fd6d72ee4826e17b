package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// A progress shows how far a long step has come: a bar on a terminal, a line every few seconds elsewhere, nothing when
// quiet. It is safe for concurrent use.
type progress struct {
	out   io.Writer
	label string

	started time.Time

	mu       sync.Mutex
	bars     *mpb.Progress // nil without a terminal
	bar      *mpb.Bar
	nextLine time.Time
}

const progressEvery = 5 * time.Second

func (a *app) progress(label string) *progress {
	p := &progress{out: a.errw, label: label, started: time.Now(), nextLine: time.Now().Add(progressEvery)}
	if a.quiet {
		p.out = io.Discard
		return p
	}
	if f, ok := a.errw.(*os.File); ok && term.IsTerminal(int(f.Fd())) && a.getenv("NO_COLOR") == "" {
		p.bars = mpb.New(mpb.WithOutput(a.errw), mpb.WithWidth(50))
	}
	return p
}

// set tells that done of total units are complete.
func (p *progress) set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		if now := time.Now(); now.After(p.nextLine) && total > 0 {
			p.nextLine = now.Add(progressEvery)
			fmt.Fprintf(p.out, "%s: %d of %d (%d %%)%s\n", p.label, done, total, done*100/total, remaining(now.Sub(p.started), done, total))
		}
		return
	}
	if p.bar == nil {
		p.bar = p.bars.AddBar(total, mpb.PrependDecorators(decor.Name(p.label+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d "), decor.AverageETA(decor.ET_STYLE_GO)), mpb.BarRemoveOnComplete())
	}
	p.bar.SetTotal(total, false)
	p.bar.SetCurrent(done)
}

// remaining says how long the rest takes if it goes on as so far, or nothing where nobody can tell.
func remaining(elapsed time.Duration, done, total int64) string {
	if done <= 0 || done >= total {
		return ""
	}
	left := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
	return fmt.Sprintf(", %v left", left.Round(time.Second))
}

// The parts of a test.
const (
	askLabel  = "plain requests" // of the capability controls
	testLabel = "test"
)

// A progressParts shows the parts of a long piece of work one after the other. It is for one goroutine.
type progressParts struct {
	app   *app
	bar   *progress
	label string
}

// at gives the progress of a part; another one that was under way has ended then.
func (p *progressParts) at(label string) *progress {
	if p.bar == nil || p.label != label {
		p.close()
		p.bar, p.label = p.app.progress(label), label
	}
	return p.bar
}

func (p *progressParts) close() {
	if p.bar != nil {
		p.bar.done()
		p.bar = nil
	}
}

// follow makes a test show its parts.
func (p *progressParts) follow(r pipeline.TestRequest) pipeline.TestRequest {
	r.OnControl = func(done, total int) { p.at(askLabel).set(int64(done), int64(total)) }
	r.OnCase = func(_ hallmark.CaseEvidence, done, total int) error {
		p.at(testLabel).set(int64(done), int64(total))
		return nil
	}
	return r
}

// done ends the bar.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bar = nil
	}
	if p.bars != nil {
		p.bars.Wait()
		p.bars = nil
	}
}
