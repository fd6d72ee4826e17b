// Command bench-gate measures `hallmark gate` on a model with 110 million random weights in Q8_0, which never end an answer
// before its token limit, and writes the table into a document.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// The table stands between these lines of the document.
const (
	begin = "<!-- bench-gate begin -->\n"
	end   = "<!-- bench-gate end -->\n"
)

type flags struct {
	program, docs, cache, vocabulary, suites, profile string
	tiers                                             string
	threads                                           int
}

func main() {
	var f flags
	cache, err := os.UserCacheDir()
	flag.StringVar(&f.program, "program", "bin/hallmark", "the program")
	flag.StringVar(&f.docs, "docs", "", "document whose table is replaced; none: only print")
	flag.StringVar(&f.cache, "cache", filepath.Join(cache, "hallmark-bench"), "folder that the model is made in")
	flag.StringVar(&f.vocabulary, "vocabulary", "", "GGUF file whose tokenizer the model gets (default: made-up words, of which texts need twice as many)")
	flag.StringVar(&f.suites, "suites", "chat", "suites to run, names or files")
	flag.StringVar(&f.profile, "profile", "chat", "profile of the run")
	flag.StringVar(&f.tiers, "tiers", "quick full", "tiers to run")
	flag.IntVar(&f.threads, "threads", runtime.NumCPU(), "threads to compute with")
	flag.Parse()
	if err == nil {
		err = run(context.Background(), f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-gate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) error {
	path, size, err := model(f)
	if err != nil {
		return err
	}
	var table strings.Builder
	fmt.Fprintf(&table, "`make bench-gate`: %s, %d MB, %d threads on %d processors; greedy, no answer ends before its limit.\n\n", filepath.Base(path), size/1e6, f.threads, runtime.NumCPU())
	table.WriteString("| suite | tier | cases | wall | limit | CPU-s | tokens read | of these reused | tokens written | peak MiB |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for suite := range strings.FieldsSeq(f.suites) {
		for tier := range strings.FieldsSeq(f.tiers) {
			row, err := gate(ctx, f, path, suite, tier)
			if err != nil {
				return err
			}
			fmt.Print(row)
			table.WriteString(row)
		}
	}
	if f.docs == "" {
		return nil
	}
	return insert(f.docs, table.String())
}

// model makes the model, once.
func model(f flags) (path string, size int64, err error) {
	s, _ := genmodel.Preset("110M")
	s.Type, s.Chat = gguf.Q8_0, true
	name := "110M-q8_0-chat"
	if f.vocabulary != "" {
		if s.Tokenizer, err = vocabulary(f.vocabulary); err != nil {
			return "", 0, err
		}
		s.Vocab = 0
		name += "-" + strings.TrimSuffix(filepath.Base(f.vocabulary), ".gguf")
	}
	path = filepath.Join(f.cache, name+".gguf")
	if info, err := os.Stat(path); err == nil {
		return path, info.Size(), nil
	}
	if err := os.MkdirAll(f.cache, 0o755); err != nil { //nolint:gosec // G301: a cache of public things
		return "", 0, err
	}
	part, err := os.CreateTemp(f.cache, name)
	if err != nil {
		return "", 0, err
	}
	w := bufio.NewWriterSize(part, 1<<20)
	if err := errors.Join(s.Write(w), w.Flush(), part.Close()); err != nil {
		return "", 0, errors.Join(err, os.Remove(part.Name()))
	}
	info, err := os.Stat(part.Name())
	if err != nil {
		return "", 0, err
	}
	return path, info.Size(), os.Rename(part.Name(), path)
}

func vocabulary(path string) (*gguf.File, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return gguf.Parse(f, info.Size(), gguf.Limits{})
}

// verdicts are the exit codes of a gate that ran.
var verdicts = []int{0, 1, 3, 5}

// limits are those of the tiers.
var limits = map[string]time.Duration{"quick": time.Minute, "full": 10 * time.Minute}

// gate runs the gate once and returns its row of the table.
func gate(ctx context.Context, f flags, path, suite, tier string) (string, error) {
	cmd := exec.CommandContext(ctx, f.program, "gate", path, "--suite", suite, "--profile", f.profile, "--tier", tier, "--threads", strconv.Itoa(f.threads), "-o", "json") //nolint:gosec // G204: what the flags name
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	started := time.Now()
	err := cmd.Run()
	wall := time.Since(started)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && slices.Contains(verdicts, exit.ExitCode()) {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("gate of %s: %w", path, err)
	}
	var result struct {
		Report    hallmark.Report
		RunRecord hallmark.RunRecord
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return "", fmt.Errorf("result of the gate: %w", err)
	}
	n := result.RunRecord.Tokens
	if n == nil {
		return "", errors.New("the run counted no tokens")
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return fmt.Sprintf("| %s | %s | %d | %.1f s | %.0f s | %.1f | %d | %.1f %% | %d | %d |\n", suite, tier, len(result.Report.Cases), wall.Seconds(), limits[tier].Seconds(),
		cpu.Seconds(), n.Read, float64(n.Reused)*100/float64(max(n.Read, 1)), n.Written, result.RunRecord.PeakRSS>>20), nil
}

// insert replaces what stands between the marks of a document.
func insert(path, table string) error {
	raw, err := os.ReadFile(filepath.Clean(path))
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
