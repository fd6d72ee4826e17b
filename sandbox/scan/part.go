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
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// limits bound what files in files may cost.
type limits struct {
	members  int   // of one archive
	depth    int   // of files in files
	unpacked int64 // bytes of all that is unpacked
	ratio    int64 // of an unpacked member to the packed one, for members over growth
	growth   int64 // bytes
	spread   int64 // bytes that are unpacked in all, files in files included, for each byte of the file
	memory   int64 // bytes of unpacked parts that have to be looked at as a whole, all that are held at a time
}

// defaultLimits are generous: real checkpoints reach none of them. A deflated stream grows to at most 1,032 times its size,
// so that spread is reached only by what is packed several times, or read from several places.
var defaultLimits = limits{members: 1 << 16, depth: 4, unpacked: 1 << 40, ratio: 200, growth: 64 << 20, spread: 1100, memory: 16 << 20}

// A work is what the scan of one file, and of all files in it, may still cost: nesting does not multiply it.
type work struct {
	unpack int64 // bytes that may still be unpacked
	held   int64 // bytes of unpacked parts that are in memory
	buffer []byte
	texts  map[pii.Confidence]*pii.Stream // one after another, since each has a buffer of a megabyte
}

func newWork(l *limits, size int64) *work {
	unpack := l.unpacked
	if size < unpack/l.spread {
		unpack = min(unpack, l.growth+size*l.spread)
	}
	return &work{unpack: unpack}
}

// personal is what looks for personal data in texts.
func (w *work) personal(least pii.Confidence) *pii.Stream {
	if w.texts[least] == nil {
		if w.texts == nil {
			w.texts = map[pii.Confidence]*pii.Stream{}
		}
		w.texts[least] = pii.NewStream(pii.NewScanner(pii.Config{Least: least}))
	}
	return w.texts[least]
}

// scratch is a buffer for what is read and not kept, until the next call.
func (w *work) scratch() []byte {
	if w.buffer == nil {
		w.buffer = make([]byte, 256<<10)
	}
	return w.buffer
}

// inner scans a part of the file as a file of its own and returns its format.
func (s *scanner) inner(r io.ReaderAt, size int64, name string) string {
	if !s.deeper(name) {
		return FormatUnknown
	}
	in := &scanner{r: &countedReader{r: r}, size: size, name: name, depth: s.depth, limits: s.limits, work: s.work}
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
	most := s.limits.memory - s.work.held
	raw, err := readMost(in, most)
	if err != nil && !errors.Is(err, errTooLarge) { // the latter is reported where it is unpacked
		s.cannotParse(name, "the compressed data: %v", err)
	}
	if int64(len(raw)) > most {
		s.cannotParse(name, "more than %d bytes are compressed, and not of a format that can be judged without unpacking them", most)
		return FormatUnknown
	}
	s.work.held += int64(len(raw))
	defer func() { s.work.held -= int64(len(raw)) }()
	return s.inner(bytes.NewReader(raw), int64(len(raw)), name)
}

// readMost reads up to most bytes, and one more if there are more. It allocates as they come, whatever a header claims.
func readMost(in io.Reader, most int64) ([]byte, error) {
	b := make([]byte, 0, min(most+1, 4<<10))
	for {
		n, err := in.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; errors.Is(err, io.EOF) || int64(len(b)) > most {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(2*int64(len(b)), most+1)), b...)
		}
	}
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
	counted := s.unpacking(in, max(s.limits.growth, s.size*s.limits.ratio))
	st := newStream(counted)
	s.sequential(st, -1, s.name)
	if _, err = io.Copy(io.Discard, st); err != nil && !errors.Is(err, errTooLarge) {
		s.cannotParse(s.name, "the compressed file: %v", err)
	}
	if errors.Is(counted.err, errTooLarge) {
		s.add("archive-bomb", hallmark.SeverityCritical, s.name, "the file unpacks to: %v", counted.err)
	}
	if rest, err := section.Seek(0, io.SeekCurrent); w.format == FormatZlib && err == nil && rest < s.size {
		s.add("trailing-bytes", hallmark.SeverityHigh, s.name, "bytes follow the compressed data")
	}
}

var errTooLarge = errors.New("over the limit")

// A boundedReader stops at a number of bytes, and when all that may be unpacked is.
type boundedReader struct {
	r    io.Reader
	n    int64
	most int64
	work *work
	err  error
}

// unpacking bounds what a decompressor gives.
func (s *scanner) unpacking(r io.Reader, most int64) *boundedReader {
	return &boundedReader{r: r, most: most, work: s.work}
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.n, b.work.unpack = b.n+int64(n), b.work.unpack-int64(n)
	switch {
	case b.n > b.most:
		b.err = fmt.Errorf("more than %d bytes: %w", b.most, errTooLarge)
	case b.work.unpack < 0:
		b.err = fmt.Errorf("more than may be unpacked from a file of its size, all in all: %w", errTooLarge)
	default:
		return n, err
	}
	return 0, b.err
}
