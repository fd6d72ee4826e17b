package scan

import (
	"errors"
	"io"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/template"
)

// chatTemplate parses a template. What the interpreter forbids has one use: to reach the objects of the Python process that
// renders it (CVE-2024-34359 and its kin). One that the interpreter does not know in full may be harmless, but nobody
// knows.
func (s *scanner) chatTemplate(location, source string) {
	t, err := template.Parse(source)
	if err == nil {
		err = t.Exhausts()
	}
	switch {
	case err == nil:
	case errors.Is(err, template.ErrForbidden):
		s.add("template-forbidden", hallmark.SeverityCritical, location, "the chat template breaks out of its language: %v", err)
	case t != nil:
		s.add("template-bomb", hallmark.SeverityHigh, location, "rendering the chat template takes all time or memory there is: %v", err)
	default:
		s.cannotParse(location, "the chat template cannot be read: %v", err)
	}
	s.controls(location, strings.ReplaceAll(source, "\r\n", "\n"))
}

// maxTemplate bounds a file that is one template, in bytes.
const maxTemplate = 1 << 20

// templateFile scans a file that is one template.
func (s *scanner) templateFile() {
	s.res.Format = FormatTemplate
	if s.size > maxTemplate {
		s.cannotParse(s.name, "a template of %d bytes is over the limit", s.size)
		return
	}
	source, err := io.ReadAll(s.section(0, s.size))
	if err != nil {
		return // kept by the reader
	}
	s.chatTemplate(s.name, string(source))
}
