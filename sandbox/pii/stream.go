package pii

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Sizes of a stream's window: how much is read at once, what a match may need behind its beginning, and what is kept
// before it for names and words.
const (
	windowBytes = 1 << 20
	aheadBytes  = maxPEM + 4096
	searchBytes = 8 << 10 // for a good place to cut, before the bytes kept ahead
	beforeBytes = 256
)

// A Place is a position in a whole text: in bytes, and in Unicode code points. A byte that is not UTF-8 is one point.
type Place struct{ Byte, Rune int64 }

// A FieldParser finds the named fields of a structured text that comes in parts. It gets a window of the text, and reads
// on from where it was, at from, to to. Fields are relative to the window; one that goes on behind to is reported as far
// as it was read and again with the next part.
type FieldParser interface {
	Fields(window string, from, to int) []Field
}

// A Stream scans texts of any length in bounded memory. Matches across the borders of its windows are found.
type Stream struct {
	scanner *Scanner
	buf     []byte
}

// NewStream returns a stream that finds what scanner finds.
func NewStream(scanner *Scanner) *Stream { return &Stream{scanner: scanner} }

// Scan reads r to its end and calls emit for each match, in order. The value is valid during the call. Fields may be nil.
func (t *Stream) Scan(r io.Reader, fields FieldParser, emit func(m Match, start, end Place, value string) error) error {
	if t.buf == nil {
		t.buf = make([]byte, windowBytes+aheadBytes+searchBytes+beforeBytes)
	}
	var at Place // of the first byte of the window
	from, n, skip := 0, 0, int64(0)
	for done := false; !done; {
		read, err := io.ReadFull(r, t.buf[n:])
		n += read
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			done = true
		case err != nil:
			return err
		}
		window := viewOf(t.buf[:n])
		to := n
		if !done {
			to = cut(window)
		}
		var named []Field
		if fields != nil {
			named = fields.Fields(window, from, to)
		}
		last := at
		lastByte := 0
		for _, m := range t.scanner.scanFrom(window, from, named) {
			if m.Start < from || m.Start >= to || at.Byte+int64(m.Start) < skip {
				continue
			}
			start := last.behind(window[lastByte:m.Start])
			end := start.behind(window[m.Start:m.End])
			last, lastByte, skip = end, m.End, end.Byte
			if err := emit(m, start, end, window[m.Start:m.End]); err != nil {
				return err
			}
		}
		keep := border(window, max(0, to-beforeBytes))
		at = at.behind(window[:keep])
		n = copy(t.buf, t.buf[keep:n])
		from = to - keep
	}
	return nil
}

// behind is the place after text that begins at p.
func (p Place) behind(text string) Place {
	return Place{p.Byte + int64(len(text)), p.Rune + int64(utf8.RuneCountInString(text))}
}

// cut chooses where a window that goes on ends: behind a line if there is one, else behind a space, else anywhere that is
// no part of a letter. What begins before it is whole in the window.
func cut(window string) int {
	last := len(window) - aheadBytes
	part := window[last-searchBytes : last]
	if i := strings.LastIndexByte(part, '\n'); i >= 0 {
		return last - searchBytes + i + 1
	}
	if i := strings.LastIndexAny(part, " \t,;"); i >= 0 {
		return last - searchBytes + i + 1
	}
	return border(window, last)
}

// border is where the letter that at is in begins. Where none is, in bytes that are no UTF-8, it is at.
func border(text string, at int) int {
	for from := at; from >= 0 && at-from < utf8.UTFMax && from < len(text); from-- {
		if utf8.RuneStart(text[from]) {
			return from
		}
	}
	return at
}
