package scan

import (
	"bytes"
	"io"

	"github.com/hallmark-ml/hallmark"
)

// pickleReport is how a machine's reports become findings.
func (s *scanner) pickleReport(location string) func(rule, format string, args ...any) {
	return func(rule, format string, args ...any) {
		s.add(rule, hallmark.SeverityCritical, location, format, args...)
	}
}

// pickles scans the pickles that follow one another in a stream. at is where the stream begins in the file if its bytes
// are in the file as they are; negative if they are not.
func (s *scanner) pickles(in *stream, at int64, location string) *machine {
	m := newMachine(in, s.pickleReport(location))
	if at >= 0 {
		m.nested = func(of span, text bool) { s.nested(span{at + of.off, of.n}, text, location) }
	}
	m.object = s.innerPickle(location)
	for number := 1; ; number++ {
		if err := m.run(); err != nil {
			s.cannotParse(location, "byte %d of the pickle: %v", in.pos(), err)
			return m
		}
		if in.atEnd() {
			if in.err != nil && in.err != io.EOF { //nolint:errorlint // readers give it as it is
				s.cannotParse(location, "the data: %v", in.err)
			}
			return m
		}
		if m.magic && number == torchPickles {
			s.torchStorages(m, location)
			return m
		}
	}
}

// nested scans bytes that a pickle holds as a file of their own.
func (s *scanner) nested(at span, text bool, location string) { //nolint:revive // text is the form of the bytes
	section := s.section(at.off, at.n)
	if !text {
		s.inner(section, at.n, location)
		return
	}
	if at.n > s.limits.memory {
		s.cannotParse(location, "a file of %d bytes in a text is over the limit", at.n)
		return
	}
	raw := make([]byte, at.n)
	if readFull(section, raw, 0) != nil {
		return // kept by the reader
	}
	plain := raw[:0]
	for _, r := range string(raw) {
		if r > 0xff {
			s.cannotParse(location, "a file in a text has characters that are no bytes")
			return
		}
		plain = append(plain, byte(r)) //nolint:gosec // G115: checked
	}
	s.inner(bytes.NewReader(plain), int64(len(plain)), location)
}

// innerPickle runs one pickle that stands in another one, with the same names but memo and stack of its own.
func (s *scanner) innerPickle(location string) func(*stream) error {
	return func(in *stream) error { return newMachine(in, s.pickleReport(location)).run() }
}

// torchPickles is how many pickles begin a file of the old torch format: a magic number, a version, the machine's sizes,
// the object, and the keys of its storages. The storages follow, each with its number of elements before it.
//
// Source: torch's serialization module, function _legacy_save.
const torchPickles = 5

func (s *scanner) torchStorages(m *machine, location string) {
	want := int64(0)
	for _, n := range m.storages {
		want += 8 + n
	}
	if err := m.in.skip(uint64(want)); err != nil || !m.in.atEnd() {
		s.cannotParse(location, "the tensors need %d bytes after the pickles, there are others", want)
	}
}
