package scan

import (
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// A Verdict says whether a file may be opened by the library that it is made for.
type Verdict string

// The verdicts. Only Safe lets a file pass.
const (
	Safe        Verdict = "safe"
	Unsafe      Verdict = "unsafe"
	CannotParse Verdict = "cannot-parse" // breaks its format, or is of a format that is not known: nobody knows what it does
)

// A Reason is one thing that speaks against a file. Rule is one of [Rules]; Detail says what was found and where.
type Reason struct {
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
}

// FileVerdict is what the scanner says about one file, in the form that `hallmark scan -o json` prints. All strings are
// bounded and hold no control characters.
type FileVerdict struct {
	Path    string   `json:"path"`
	Format  string   `json:"format"`
	Verdict Verdict  `json:"verdict"`
	Reasons []Reason `json:"reasons"` // empty, not nil, for a safe file
}

// maxPath bounds the path in a verdict, in bytes.
const maxPath = 4096

// Judge makes the verdict of a file from what was found in it. Findings below [hallmark.SeverityHigh] are no reasons: they
// are worth knowing, for a person who reviews a model, and do nothing when the file is opened.
func Judge(path, format string, findings []hallmark.Finding) FileVerdict {
	v := FileVerdict{Path: hallmark.CleanText(path, maxPath), Format: format, Verdict: Safe, Reasons: []Reason{}}
	for _, f := range findings {
		if f.Severity != hallmark.SeverityHigh && f.Severity != hallmark.SeverityCritical {
			continue
		}
		detail := f.Message
		if f.Location != "" {
			detail = f.Location + ": " + detail
		}
		if r := (Reason{Rule: f.Rule, Detail: detail}); !slices.Contains(v.Reasons, r) {
			v.Reasons = append(v.Reasons, r)
		}
		switch f.Rule {
		case RuleCannotParse, RuleUnknownFormat, RuleLimit, ruleChecksum, ruleEncrypted:
			if v.Verdict == Safe {
				v.Verdict = CannotParse
			}
		default:
			v.Verdict = Unsafe
		}
	}
	return v
}
