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

// A File is what is scanned: a name, for its extension, and the bytes.
type File interface {
	io.Reader
	io.ReaderAt
}

// Scan scans a file of size bytes and calls emit for each finding. It reports false for a file that is no text and no
// table, in which nothing is looked for. Progress is told in bytes of the file.
func (s *Scanner) Scan(ctx context.Context, name string, f File, size int64, progress func(done int64), emit func(Finding) error) (bool, error) {
	var magic [4]byte
	if n, err := f.ReadAt(magic[:], 0); err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
		return false, fmt.Errorf("read %s: %w", name, err)
	} else if n == 4 && string(magic[:]) == "PAR1" {
		return true, s.parquet(ctx, name, f, size, progress, emit)
	}
	r := io.Reader(&counter{r: f, ctx: ctx, progress: progress})
	inner := name
	if magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return false, fmt.Errorf("decompress %s: %w: %w", name, err, hallmark.ErrInvalid)
		}
		inner, r = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".gzip"), &gunzip{name: name, r: z}
	}
	text, ok, err := decoded(r)
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
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return &table{separator: ','}
	case ".tsv", ".tab":
		return &table{separator: '\t'}
	case ".json", ".jsonl", ".ndjson", ".ipynb", ".geojson":
		return &objects{}
	}
	head, _ := r.Peek(sniff) // an error comes again with the next read
	if base := path.Base(name); path.Ext(base) == ".key" && len(head) < sniff && isToken(bytes.TrimSpace(head)) {
		return &whole{name: base}
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 1 && head[0] == '{' && bytes.IndexByte(head, ':') > 0 && bytes.IndexByte(head, '"') > 0 {
		return &objects{}
	}
	return nil
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
