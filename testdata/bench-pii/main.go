// Command bench-pii measures the scanner for personal data and secrets beside gitleaks, in one interleaved run by processor
// time, and writes the table into a document.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/pii/phone"
)

// peerModule is the peer and its version.
const peerModule = "github.com/zricethezav/gitleaks/v8@v8.30.1"

// The table stands between these lines of the document.
const (
	begin = "<!-- bench-pii begin -->\n"
	end   = "<!-- bench-pii end -->\n"
)

type flags struct {
	peer, docs     string
	rounds         int
	size, peerSize int
}

func main() {
	var f flags
	flag.StringVar(&f.peer, "peer", ".peer", "folder into which gitleaks is installed")
	flag.StringVar(&f.docs, "docs", "", "document whose table is replaced; none: only print")
	flag.IntVar(&f.rounds, "rounds", 3, "interleaved rounds")
	flag.IntVar(&f.size, "size", 16<<20, "bytes of each corpus")
	flag.IntVar(&f.peerSize, "peer-size", 1<<20, "bytes of it that gitleaks gets")
	flag.Parse()
	if err := run(context.Background(), f); err != nil {
		fmt.Fprintln(os.Stderr, "bench-pii:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) error {
	peer, err := install(ctx, f.peer)
	if err != nil {
		return err
	}
	code, err := sources(f.size)
	if err != nil {
		return err
	}
	var table strings.Builder
	fmt.Fprintf(&table, "`make bench-pii`: %d recognizers and %d rules; megabytes a processor second, median of %d rounds that alternate with %s on %d KiB of the same text (its start included).\n\n",
		len(pii.Recognizers()), len(pii.Rules()), f.rounds, peerModule, f.peerSize>>10)
	table.WriteString("| text | this scanner | with numbering plans of phones | gitleaks, all its rules | ratio | goal |\n|---|---:|---:|---:|---:|---|\n")
	for _, c := range []struct {
		name, text string
		goal       float64
	}{{"prose, made by a grammar", prose(f.size), 150}, {"code, the standard library of Go", code, 100}} {
		r, err := compare(ctx, peer, c.text, f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&table, "| %s, %d MiB | %.0f | %.0f | %.2f | %.0fx | %.0f: %s |\n", c.name, len(c.text)>>20, r.own, r.phones, r.peer, r.own/r.peer, c.goal, map[bool]string{true: "met", false: "**missed**"}[r.own >= c.goal])
	}
	fmt.Print(table.String())
	if f.docs == "" {
		return nil
	}
	return insert(f.docs, table.String())
}

// install builds the peer into dir, once.
func install(ctx context.Context, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "gitleaks")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", peerModule)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: %w: %s", peerModule, err, out)
	}
	return bin, nil
}

// A result is megabytes a processor second.
type result struct{ own, phones, peer float64 }

func compare(ctx context.Context, peer, text string, f flags) (result, error) {
	dir, err := os.MkdirTemp("", "bench-pii-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	part := text[:min(len(text), f.peerSize)]
	if err := os.WriteFile(filepath.Join(dir, "text.txt"), []byte(part), 0o600); err != nil {
		return result{}, err
	}
	plain, phones := pii.NewScanner(pii.Config{Least: pii.Medium}), pii.NewScanner(pii.Config{Least: pii.Medium, Phone: phone.Checker()})
	var own, with, other []float64
	for range f.rounds {
		own = append(own, float64(len(text))/1e6/processor(func() { plain.Scan(text) }))
		seconds, err := peerSeconds(ctx, peer, dir)
		if err != nil {
			return result{}, err
		}
		other = append(other, float64(len(part))/1e6/seconds)
		with = append(with, float64(len(text))/1e6/processor(func() { phones.Scan(text) }))
	}
	return result{median(own), median(with), median(other)}, nil
}

// processor is the seconds of processor time that f takes on its thread.
func processor(f func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before) // cannot fail for this clock
	f()
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after)
	return time.Duration(after.Nano() - before.Nano()).Seconds()
}

// peerSeconds is the processor time of one run of the peer; findings are no failure.
func peerSeconds(ctx context.Context, peer, dir string) (float64, error) {
	cmd := exec.CommandContext(ctx, peer, "dir", "--no-banner", "--exit-code", "0", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("run gitleaks: %w: %s", err, out)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// sources is the code of Go's standard library, as far as size.
func sources(size int) (string, error) {
	var b strings.Builder
	root := filepath.Join(runtime.GOROOT(), "src") //nolint:staticcheck // SA1019: the tree of the program that builds this is what is meant
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		raw, err := os.ReadFile(path)
		b.Write(raw)
		if b.Len() >= size {
			return fs.SkipAll
		}
		return err
	})
	if err == nil && b.Len() < size {
		err = errors.New("the standard library is not there")
	}
	return b.String()[:min(b.Len(), size)], err
}

// words of which prose is made.
const words = "the of and a to in he have it that for they with as not on she at by this we you do but from or which one would all will there say who make when can more if no man out other so what time up go about than into could state only new year some take come these know see use get like then first any work now may such give over think most even find day also after way many must look before great back through long where much should well people down own just because good each those feel seem how high too place little world very still nation hand old life tell write become here show house both between need mean call develop under last right move thing general school never same another begin while number part turn real leave might want point form off child few small since against ask late home interest large person end open public follow during present without again hold govern around possible head consider word program problem however lead system set order eye plan run keep face fact group play stand increase early course change help line"

// prose is sentences, with now and then a number, a date, or an address.
func prose(size int) string {
	list := strings.Fields(words)
	r := rand.New(rand.NewPCG(11, 12)) //nolint:gosec // G404: a text for measurements, the same each time
	var b strings.Builder
	for b.Len() < size {
		n := 8 + r.IntN(14)
		for i := range n {
			w := list[r.IntN(len(list))]
			if i == 0 {
				w = strings.ToUpper(w[:1]) + w[1:]
			}
			b.WriteString(w)
			switch k := r.IntN(400); {
			case i == n-1:
				b.WriteString(". ")
			case k < 12:
				b.WriteString(", ")
			case k == 12:
				fmt.Fprintf(&b, " %d ", r.IntN(5000))
			case k == 13:
				fmt.Fprintf(&b, " on 2021-%02d-%02d ", 1+r.IntN(12), 1+r.IntN(28))
			case k == 14 && r.IntN(4) == 0:
				fmt.Fprintf(&b, " (see www.%s%s.org) ", w, list[r.IntN(len(list))])
			default:
				b.WriteByte(' ')
			}
		}
		if r.IntN(6) == 0 {
			b.WriteString("\n\n")
		}
	}
	return b.String()[:size]
}

// insert replaces what stands between the marks of a document.
func insert(path, table string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		return fmt.Errorf("%s has no place for the table: it needs the lines %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+table+"\n"+end+after), 0o644) //nolint:gosec // G306: a document that everybody reads
}
