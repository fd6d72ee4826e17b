// Package page shows a test report as one HTML file, for a person: the verdict and its reasons first, then what was tested,
// rates with their intervals, curves, and the cases against the model with their texts.
//
// The file holds everything that it shows. It runs no script and loads nothing, which its content security policy says too.
// Every text in it may come from a model or from whoever made the report: it is escaped, control and invisible characters
// are shown as escapes, and its direction ends where it ends.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// A Content is what a page is made of. Of a report alone there are Path, Report and ReportDigest; all else is optional.
type Content struct {
	Path         string
	Fingerprint  hallmark.Fingerprint
	Verdict      hallmark.Verdict
	ReportDigest hallmark.Digest
	Report       hallmark.Report
	Record       hallmark.RunRecord
	Findings     []hallmark.Finding      // those of the report that have no case of their own, in order
	Evidence     []hallmark.CaseEvidence // texts of failing and undecided cases
	// About says what a detector looks for, by its id.
	About map[string]Detector
}

// A Detector is what a page says of a detector beside its results.
type Detector struct {
	Goal string   // what a failure is, in a few words
	Tags []string // in public lists, such as "LLM01:2025"
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var parsed = template.Must(template.New("page").Funcs(template.FuncMap{
	"clean": func(s string) string { return hallmark.CleanText(s, maxLine) }, "text": text,
	"decimal": decimal, "percent": percent, "upper": upperPercent, "lower": lowerPercent, "interval": interval, "count": count, "bytes": byteCount,
}).Parse(pageHTML))

// Bounds of texts that a page shows, in bytes; what is longer is cut, which the text then says.
const (
	maxLine = 2000
	maxText = 64 << 10
)

// policy is the page's content security policy: nothing but the one style sheet, known by its hash.
func policy() string {
	hash := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'"
}

// Write writes the page.
func Write(w io.Writer, c Content) error {
	v := newView(c)
	v.Style, v.Policy = template.CSS(pageCSS), policy() //nolint:gosec // G203: a file of this package
	if err := parsed.Execute(w, v); err != nil {
		return fmt.Errorf("report page: %w", err)
	}
	return nil
}

// text is a text of several lines as it is shown.
func text(s string) string {
	lines, left := strings.Split(s, "\n"), maxText
	for i, line := range lines {
		if left <= 0 {
			return strings.Join(lines[:i], "\n") + "\n…"
		}
		lines[i] = hallmark.CleanText(line, left)
		left -= len(lines[i]) + 1
	}
	return strings.Join(lines, "\n")
}
