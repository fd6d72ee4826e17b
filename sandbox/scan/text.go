package scan

import (
	"bytes"
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

// sniffText is how much of a text is looked at to tell what it is, in bytes.
const sniffText = 64 << 10

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
	trimmed := bytes.TrimLeft(head, " \t\r\n\ufeff")
	looksJSON := len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
	if looksJSON && s.isJSON() {
		s.res.Format = FormatJSON
	}
	s.configJSON(looksJSON)
	if ext := strings.ToLower(path.Ext(s.name)); ext == ".jinja" || ext == ".jinja2" || ext == ".j2" {
		s.templateFile()
	}
	s.scripts(head)
	s.personal()
}

// isJSON reads the whole text as JSON values, one after another.
func (s *scanner) isJSON() bool {
	return (&syntax{in: newStreamAt(s.r, s.size)}).values()
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
	stream := s.work.personal(least)
	binary := int64(-1)
	err := stream.Scan(&zeroFinder{r: s.section(0, s.size), at: &binary}, nil, func(m pii.Match, start, _ pii.Place, value string) error {
		if m.Test || !m.Class.Personal() {
			return nil
		}
		seen := found[m.Class]
		if seen.count == 0 {
			seen.first, seen.shown = start.Byte, pii.Mask(value)
		}
		seen.count++
		found[m.Class] = seen
		return nil
	})
	switch {
	case binary >= 0:
		s.add("binary-in-text", hallmark.SeverityHigh, fmt.Sprintf("byte %d", binary), "the file begins as text and goes on as something else")
		return
	case err != nil:
		return // kept by the reader
	}
	for _, class := range slices.Sorted(maps.Keys(found)) {
		seen := found[class]
		s.addAs(DetectorLeak, "pii-"+string(class), severityOf(class), fmt.Sprintf("byte %d", seen.first),
			fmt.Sprintf("the text holds %d of class %s, the first is %s", seen.count, class, seen.shown))
	}
}

// errBinary ends the reading of a text that is none.
var errBinary = errors.New("a zero byte")

// A zeroFinder ends a text at its first zero byte and keeps where that is.
type zeroFinder struct {
	r    io.Reader
	read int64
	at   *int64
}

func (z *zeroFinder) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	if i := bytes.IndexByte(p[:n], 0); i >= 0 {
		*z.at = z.read + int64(i)
		return 0, errBinary
	}
	z.read += int64(n)
	return n, err
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
