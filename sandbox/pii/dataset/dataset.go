// Package dataset looks for personal data and secrets in files: text, tables and objects in text, and Parquet. Files are
// data sets and scripts of the user; columns and keys give the context of their values. It is apart from its parent
// because of the Parquet library, which jailed processes do not link.
package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// A Finding is one value in a file. Start and End are code points, ByteStart and ByteEnd bytes, of the text after
// decompression, without a byte order mark and in UTF-8; in Parquet, of one value.
type Finding struct {
	Path       string `json:"path"`
	Entity     string `json:"entity"`
	Start      int64  `json:"start"`
	End        int64  `json:"end"`
	ByteStart  int64  `json:"byteStart"`
	ByteEnd    int64  `json:"byteEnd"`
	Confidence string `json:"confidence"`
	Masked     string `json:"masked"`
	Hash       string `json:"hash"`
	Test       bool   `json:"test,omitempty"`   // documented for tests and examples
	Column     string `json:"column,omitempty"` // Parquet only
	Row        *int64 `json:"row,omitempty"`    // Parquet only, from 0
}

// A Scanner scans files one after the other. It is not safe for concurrent use.
type Scanner struct {
	scanner *pii.Scanner
	stream  *pii.Stream
	salt    string
}

// New returns a scanner for config. The salt keys the hashes of values: findings of one salt can be compared.
func New(config pii.Config, salt string) *Scanner {
	s := pii.NewScanner(config)
	return &Scanner{scanner: s, stream: pii.NewStream(s), salt: salt}
}

// Scan scans what r gives and calls emit for each finding. The name is for its extension, and for findings and errors; size
// is in bytes, 0 if nobody knows it. A Parquet file is read in no order, so r has to be an [io.ReaderAt] too. It reports false
// for what is no text and no table, in which nothing is looked for. Progress is told in bytes of the file.
//
// An error that wraps [hallmark.ErrInvalid] is of the file's form; errors of r and emit are returned as they are.
func (s *Scanner) Scan(ctx context.Context, name string, r io.Reader, size int64, progress func(done int64), emit func(Finding) error) (bool, error) {
	raw := bufio.NewReaderSize(&counter{r: r, ctx: ctx, progress: progress}, 64<<10)
	magic, err := raw.Peek(4)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns it as it is
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if string(magic) == "PAR1" {
		f, ok := r.(io.ReaderAt)
		if !ok || size == 0 {
			return false, fmt.Errorf("read %s: a Parquet file is read from its end, and this is no file: %w", name, hallmark.ErrInvalid)
		}
		return true, s.parquet(ctx, name, f, size, progress, emit)
	}
	plain, inner := io.Reader(raw), name
	if bytes.HasPrefix(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return false, fmt.Errorf("decompress %s: %w: %w", name, err, hallmark.ErrInvalid)
		}
		inner, plain = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".gzip"), &gunzip{name: name, r: z}
	}
	text, ok, err := decoded(plain)
	if !ok || err != nil {
		return false, err
	}
	return true, s.text(name, inner, text, emit)
}

// text scans a text, as a table or as objects where its name says that it is one.
func (s *Scanner) text(shown, name string, r *bufio.Reader, emit func(Finding) error) error {
	return s.stream.Scan(r, fieldsOf(name, r), func(m pii.Match, start, end pii.Place, value string) error {
		return emit(s.finding(shown, m, start, end, value))
	})
}

func (s *Scanner) finding(name string, m pii.Match, start, end pii.Place, value string) Finding {
	return Finding{
		Path: name, Entity: m.Entity, Start: start.Rune, End: end.Rune, ByteStart: start.Byte, ByteEnd: end.Byte, Confidence: m.Confidence.String(),
		Masked: pii.Mask(value), Hash: pii.Hash(s.salt, m.Class, pii.Normalise(m.Class, value)), Test: m.Test,
	}
}

// fieldsOf chooses a parser of fields by the name of a file, and by its first byte for objects.
func fieldsOf(name string, r *bufio.Reader) pii.FieldParser { //nolint:ireturn // one of three parsers, or none
	head, _ := r.Peek(sniff) // an error comes again with the next read
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return &table{separator: separatorOf(head)}
	case ".tsv", ".tab":
		return &table{separator: '\t'}
	case ".jsonl", ".ndjson":
		return &objects{lines: true}
	case ".json", ".ipynb", ".geojson":
		return &objects{}
	}
	if base := path.Base(name); path.Ext(base) == ".key" && len(head) < sniff && isToken(bytes.TrimSpace(head)) {
		return &whole{name: base}
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 1 && head[0] == '{' && bytes.IndexByte(head, ':') > 0 && bytes.IndexByte(head, '"') > 0 {
		return &objects{}
	}
	return nil
}

// separatorOf is what stands between the fields of a table that begins with head: a comma, or what spreadsheets write where
// commas are in numbers.
func separatorOf(head []byte) byte {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	best := byte(',')
	for _, c := range []byte(";\t|") {
		if bytes.Count(first, []byte{c}) > bytes.Count(first, []byte{best}) {
			best = c
		}
	}
	return best
}

// isToken reports whether b is one word of a key.
func isToken(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(b) >= 16
}

// A whole is a file that is one value, named as the file is.
type whole struct{ name string }

func (w *whole) Fields(window string, from, to int) []pii.Field {
	return []pii.Field{{Start: from, End: from + len(strings.TrimRight(window[from:to], " \t\r\n")), Name: w.name}}
}

// A counter tells how much was read, and ends when its context does.
type counter struct {
	r        io.Reader
	ctx      context.Context //nolint:containedctx // of one call of Scan, whose reader this is
	done     int64
	progress func(done int64)
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.progress(c.done)
	return n, err
}

// A gunzip names the file in errors of its stream.
type gunzip struct {
	name string
	r    *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns it as it is
		return n, fmt.Errorf("decompress %s: %w: %w", g.name, err, hallmark.ErrInvalid)
	}
	return n, err
}
