package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// The table stands between these lines of the document.
const (
	begin = "<!-- made by make bench-engine -->\n"
	end   = "<!-- end of what make bench-engine made -->\n"
)

// report prints the table and writes it into the document.
func (b *bench) report() error {
	var s strings.Builder
	how := fmt.Sprintf("%d rounds, engines in turns, ratios are the median of the rounds' ratios; %s", b.rounds, time.Now().UTC().Format(time.DateOnly))
	if b.quick {
		how += "; QUICK: small models, no result counts"
	}
	if b.clock == "cpu" {
		how += "; rows of one thread by processor time"
	}
	fmt.Fprintf(&s, "%s.\n\n%s\n", how, b.machine.facts(b))
	s.WriteString("| figure | engine | llama.cpp | unit | value | floor | goal | reached |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range b.rows {
		s.WriteString(r.markdown())
	}
	fmt.Print(s.String())
	if b.docs != "" {
		if err := insert(b.docs, s.String()); err != nil {
			return err
		}
	}
	if b.verify {
		return b.missed()
	}
	return nil
}

func (b *bench) missed() error {
	var errs []error
	for _, r := range b.rows {
		if strings.Contains(r.met(), "missed") {
			errs = append(errs, fmt.Errorf("%s: %.3g", r.id, r.value))
		}
	}
	return errors.Join(errs...)
}

func (r row) markdown() string {
	figure := r.figure
	if r.note != "" {
		figure += " (" + r.note + ")"
	}
	sign := ">="
	if r.less {
		sign = "<="
	}
	bound := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf("%s %.4g", sign, v)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", strings.ReplaceAll(figure, "|", "/"), number(r.ours), number(r.theirs), r.unit, number(r.value), bound(r.floor), bound(r.goal), r.met())
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.3g", v)
}

// insert puts text between the markers of a file.
func insert(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, also := strings.Cut(rest, end)
	if !ok || !also {
		return fmt.Errorf("%s has no lines %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(head+begin+text+end+tail), 0o644)
}
