package scan

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-ml/hallmark"
)

// limits bound what files in files may cost.
type limits struct {
	members  int   // of one archive
	depth    int   // of files in files
	unpacked int64 // bytes of all that is unpacked
	ratio    int64 // of an unpacked member to the packed one, for members over growth
	growth   int64 // bytes
	memory   int64 // bytes of an unpacked part that has to be looked at as a whole
}

// defaultLimits are generous: real checkpoints reach none of them.
var defaultLimits = limits{members: 1 << 16, depth: 4, unpacked: 1 << 40, ratio: 200, growth: 64 << 20, memory: 16 << 20}

// inner scans a part of the file as a file of its own and returns its format.
func (s *scanner) inner(r io.ReaderAt, size int64, name string) string {
	if !s.deeper(name) {
		return FormatUnknown
	}
	in := &scanner{r: &countedReader{r: r}, size: size, name: name, depth: s.depth, limits: s.limits}
	in.sniff()
	s.depth--
	for _, f := range in.res.Findings {
		where := f.Location
		if where != hallmark.CleanText(name, maxValue) {
			where = name + ": " + where
		}
		s.addAs(f.Detector, f.Rule, f.Severity, where, f.Message)
	}
	s.more += in.more
	return in.res.Format
}

// deeper goes one file further in, if that is not too deep.
func (s *scanner) deeper(name string) bool {
	if s.depth >= s.limits.depth {
		s.add("archive-nested", hallmark.SeverityHigh, name, "files in files, more than %d deep, are not looked into", s.limits.depth)
		return false
	}
	s.depth++
	return true
}

// sequential scans a part that is unpacked as it is read. What can be judged on the way is; the rest is kept in memory if
// it is small, and cannot be judged if it is not.
func (s *scanner) sequential(in *stream, size int64, name string) string {
	head := in.peek(512)
	switch {
	case isPickle(head):
		s.pickles(in, -1, name)
		return FormatPickle
	case bytes.HasPrefix(head, []byte(npyMagic)):
		s.npy(in, size, name)
		return FormatNPY
	case isTar(head):
		if s.deeper(name) {
			s.tar(in)
			s.depth--
		}
		return FormatTar
	}
	raw, err := io.ReadAll(io.LimitReader(in, s.limits.memory+1))
	if err != nil {
		s.cannotParse(name, "the compressed data: %v", err)
	}
	if int64(len(raw)) > s.limits.memory {
		s.cannotParse(name, "more than %d bytes are compressed, and not of a format that can be judged without unpacking them", s.limits.memory)
		return FormatUnknown
	}
	return s.inner(bytes.NewReader(raw), int64(len(raw)), name)
}

// A wrapper is a compressed file that holds one other file.
type wrapper struct {
	format, magic string
	open          func(io.Reader) (io.Reader, error) // nil if it cannot be unpacked here
}

var wrappers = []wrapper{
	{FormatGzip, "\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{FormatBzip2, "BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	{FormatXZ, "\xfd7zXZ\x00", nil},
	{FormatLZMA, "\x5d\x00\x00", nil},
	{FormatLZ4, "\x04\x22\x4d\x18", nil},
	{FormatZstd, "\x28\xb5\x2f\xfd", nil},
	{Format7z, "7z\xbc\xaf\x27\x1c", nil},
	{FormatRAR, "Rar!\x1a\x07", nil},
}

var zlibWrapper = wrapper{FormatZlib, "", func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }}

// wrapped recognises compressed files and scans what they hold.
func (s *scanner) wrapped(head []byte) bool {
	for _, w := range wrappers {
		if bytes.HasPrefix(head, []byte(w.magic)) && (w.format != FormatBzip2 || len(head) > 10 && string(head[4:10]) == "1AY&SY") {
			s.unwrap(w)
			return true
		}
	}
	if len(head) > 2 && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0 && head[1]&0x20 == 0 && !isText(head) {
		s.unwrap(zlibWrapper)
		return true
	}
	return false
}

func (s *scanner) unwrap(w wrapper) {
	s.res.Format = w.format
	if w.open == nil {
		s.cannotParse(s.name, "files compressed with %s are not looked into: unpack them first", w.format)
		return
	}
	if !s.deeper(s.name) {
		return
	}
	defer func() { s.depth-- }()
	section := s.section(0, s.size)
	in, err := w.open(section)
	if err != nil {
		s.cannotParse(s.name, "the compressed file: %v", err)
		return
	}
	counted := &boundedReader{r: in, most: max(s.limits.growth, s.size*s.limits.ratio)}
	st := newStream(counted)
	s.sequential(st, -1, s.name)
	if _, err = io.Copy(io.Discard, st); err != nil && !errors.Is(err, errTooLarge) {
		s.cannotParse(s.name, "the compressed file: %v", err)
	}
	if errors.Is(counted.err, errTooLarge) {
		s.add("archive-bomb", hallmark.SeverityCritical, s.name, "the file unpacks to more than %d bytes", counted.most)
	}
	if rest, err := section.Seek(0, io.SeekCurrent); w.format == FormatZlib && err == nil && rest < s.size {
		s.add("trailing-bytes", hallmark.SeverityHigh, s.name, "bytes follow the compressed data")
	}
}

var errTooLarge = errors.New("over the limit")

// A boundedReader stops at a number of bytes.
type boundedReader struct {
	r    io.Reader
	n    int64
	most int64
	err  error
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > b.most {
		b.err = fmt.Errorf("more than %d bytes: %w", b.most, errTooLarge)
		return 0, b.err
	}
	return n, err
}
