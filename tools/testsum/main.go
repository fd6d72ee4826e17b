// Command testsum reads the stream of `go test -json`, prints what failed, the seconds of each package and a closing
// line, and fails when a test failed, when nothing ran, or when a test skipped that the list does not allow.
//
//	go test -json ./... | testsum -allowed testdata/allowed-skips.txt
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

type summary struct {
	passed, failed int
	skips          []string            // "package Test"
	output         map[string][]string // by package and test
	seconds        map[string]float64  // by package
	failures       []string
}

func main() {
	allowed := flag.String("allowed", "", "file that lists the accepted skips, one `package Test` a line")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *allowed, os.Getenv("HALLMARK_TESTDATA") != ""); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
}

// run reads events from in and writes the summary to out. Where outside data is not there (haveData is false), tests
// that skip for the want of it are accepted.
func run(in io.Reader, out io.Writer, allowedFile string, haveData bool) error {
	accepted, err := readAllowed(allowedFile)
	if err != nil {
		return err
	}
	s := summary{output: map[string][]string{}, seconds: map[string]float64{}}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			fmt.Fprintln(out, sc.Text()) // the build's own words
			continue
		}
		s.add(out, e)
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("reading test events: %w", err)
	}
	return s.report(out, accepted, haveData)
}

func (s *summary) add(out io.Writer, e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "pass", "skip":
		if e.Test == "" {
			s.seconds[e.Package] = e.Elapsed
			fmt.Fprintf(out, "%-7s %8.1f s  %s\n", map[string]string{"pass": "ok", "skip": "no test"}[e.Action], e.Elapsed, e.Package)
			return
		}
		if e.Action == "skip" {
			s.skips = append(s.skips, key)
		} else {
			s.passed++
			delete(s.output, key)
		}
	case "fail":
		if e.Test == "" {
			s.seconds[e.Package] = e.Elapsed
			fmt.Fprintf(out, "FAIL    %8.1f s  %s\n", e.Elapsed, e.Package)
		} else {
			s.failed++
		}
		s.failures = append(s.failures, key)
		fmt.Fprint(out, strings.Join(s.output[key], ""))
	}
}

func (s *summary) report(out io.Writer, accepted []string, haveData bool) error {
	var unexpected []string
	for _, skip := range s.skips {
		why := strings.Join(s.output[skip], "")
		if slices.Contains(accepted, skip) || (!haveData && strings.Contains(why, "HALLMARK_TESTDATA")) {
			continue
		}
		unexpected = append(unexpected, skip)
		fmt.Fprintf(out, "skipped, but not in the list: %s\n%s", skip, why)
	}
	total := 0.0
	for _, sec := range s.seconds {
		total += sec
	}
	fmt.Fprintf(out, "\n%d packages, %.0f s of package time\n", len(s.seconds), total)
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, len(s.skips))
	switch {
	case len(s.failures) > 0:
		return fmt.Errorf("%d failed: %s", len(s.failures), strings.Join(s.failures, "; "))
	case len(unexpected) > 0:
		return fmt.Errorf("%d skips that the list does not allow", len(unexpected))
	case s.passed == 0:
		return fmt.Errorf("no test ran")
	}
	return nil
}

func readAllowed(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("list of accepted skips: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
