package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// Bounds of texts.
const (
	maxJSON   = 64 << 20
	chunkText = 1 << 20
	overlap   = 4096 // longer than anything that is looked for
	sniffText = 64 << 10
)

// text scans a text: a pickle in disguise, JSON, or plain; and looks for personal data and secrets in it.
func (s *scanner) text() {
	head := make([]byte, min(s.size, sniffText))
	if _, err := s.r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return // kept by the reader
	}
	if isOldPickle(s.r, s.size) {
		s.res.Format = FormatPickle
		s.pickles(newStreamAt(s.r, s.size), 0, s.name)
		return
	}
	s.res.Format = FormatText
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && s.isJSON() {
		s.res.Format = FormatJSON
		s.configJSON()
	}
	if ext := strings.ToLower(path.Ext(s.name)); ext == ".jinja" || ext == ".jinja2" || ext == ".j2" {
		s.templateFile()
	}
	s.personal()
}

// isJSON reads the whole text as JSON values, one after another.
func (s *scanner) isJSON() bool {
	if s.size > maxJSON {
		return false
	}
	dec := json.NewDecoder(s.section(0, s.size))
	for {
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// A sighting is where one class was seen first, and how often.
type sighting struct {
	count int
	first int64
	shown string
}

// personal reports each class of personal data and secrets once, with a masked example.
func (s *scanner) personal() {
	found := map[pii.Class]sighting{}
	least := pii.Medium
	if s.res.Format == FormatTemplate { // assignments in it are to variables of a language
		least = pii.High
	}
	buf := make([]byte, chunkText+overlap)
	for at := int64(0); at < s.size; at += chunkText {
		n, err := s.r.ReadAt(buf[:min(int64(len(buf)), s.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return // kept by the reader
		}
		text := string(buf[:n])
		if i := strings.IndexByte(text, 0); i >= 0 {
			s.add("binary-in-text", hallmark.SeverityHigh, fmt.Sprintf("byte %d", at+int64(i)), "the file begins as text and goes on as something else")
			return
		}
		for _, m := range pii.Find(text) {
			// What begins in the overlap belongs to the next chunk.
			if m.Confidence < least || m.Test || m.Start >= chunkText {
				continue
			}
			seen := found[m.Class]
			if seen.count == 0 {
				seen.first, seen.shown = at+int64(m.Start), pii.Mask(text[m.Start:m.End])
			}
			seen.count++
			found[m.Class] = seen
		}
	}
	for _, class := range slices.Sorted(maps.Keys(found)) {
		seen := found[class]
		s.addAs(DetectorLeak, "pii-"+string(class), severityOf(class), fmt.Sprintf("byte %d", seen.first),
			fmt.Sprintf("the text holds %d of class %s, the first is %s", seen.count, class, seen.shown))
	}
}

func severityOf(class pii.Class) hallmark.Severity {
	switch class {
	case pii.Secret:
		return hallmark.SeverityCritical
	case pii.Card, pii.IBAN, pii.SSN:
		return hallmark.SeverityHigh
	default:
		return hallmark.SeverityMedium
	}
}
