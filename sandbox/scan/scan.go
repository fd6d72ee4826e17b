// Package scan looks into a file that somebody submitted, without running or loading anything, and says what is unsafe
// about it. It parses attacker-made bytes and therefore runs inside the jail; everything in it is bounded.
//
// What it does not know it does not trust: an unknown format and a file that cannot be parsed are findings too.
//
// Each file has a process of its own, which needs few of the expressions and tables here: they are made when they are first needed.
package scan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
)

// The formats that File tells apart.
const (
	FormatGGUF          = "gguf"
	FormatSafetensors   = "safetensors"
	FormatPickle        = "pickle"
	FormatTorch         = "torch" // a zip archive with a pickle inside
	FormatNPY           = "npy"
	FormatNPZ           = "npz"   // a zip archive of npy files
	FormatKeras         = "keras" // a zip archive with config.json, or HDF5 with a model's configuration
	FormatHDF5          = "hdf5"
	FormatONNX          = "onnx"
	FormatSavedModel    = "savedmodel" // of TensorFlow
	FormatGraphDef      = "graphdef"   // a graph of TensorFlow on its own
	FormatTemplate      = "template"   // of chats
	FormatPython        = "python"
	FormatNotebook      = "notebook"
	FormatShell         = "script"           // of a shell or another interpreter
	FormatRaw           = "raw"              // tensor data that a model or an index beside it describes
	FormatTFIndex       = "checkpoint-index" // of TensorFlow
	FormatSentencePiece = "sentencepiece"    // a vocabulary
	FormatZip           = "zip"
	FormatTar           = "tar"
	FormatGzip          = "gzip" // and the other ways to compress one file
	FormatZlib          = "zlib"
	FormatBzip2         = "bzip2"
	FormatXZ            = "xz"
	FormatLZMA          = "lzma"
	FormatLZ4           = "lz4"
	FormatZstd          = "zstd"
	Format7z            = "7z"
	FormatRAR           = "rar"
	FormatJSON          = "json" // one value, or one a line
	FormatText          = "text"
	FormatUnknown       = "unknown"
)

// The detectors under which findings stand: what is unsafe about the file, and personal data or secrets in it.
const (
	Detector     = "file.unsafe"
	DetectorLeak = "leak.scan"
)

// Bounds of a result.
const (
	maxFindings = 200
	maxMetadata = 64
	maxKey      = 80
	maxValue    = 200
	maxMessage  = 300
)

// Result is what one file holds. All strings are sanitised and bounded.
type Result struct {
	Format   string
	Findings []hallmark.Finding // sorted by severity, detector, rule and location; empty, not nil, for a clean file
	// Tensors are the ranges of tensor data, sorted by offset and disjoint; empty when the format has none or cannot be
	// parsed.
	Tensors  []hallmark.TensorRange
	Metadata map[string]string
}

// Require returns an error of kind [hallmark.ErrInvalid] unless the file is of that format and could be parsed.
func (r Result) Require(format string) error {
	for _, f := range r.Findings {
		if f.Rule == RuleCannotParse {
			return fmt.Errorf("%s file: %s: %w", r.Format, f.Message, hallmark.ErrInvalid)
		}
	}
	if r.Format != format {
		return fmt.Errorf("the file is of format %s, want %s: %w", r.Format, format, hallmark.ErrInvalid)
	}
	return nil
}

// File scans the size bytes of r, named name. It returns an error only when reading fails; whatever is wrong with the
// bytes is a finding.
func File(r io.ReaderAt, size int64, name string) (Result, error) {
	s := newScanner(r, size, name, &defaultLimits)
	s.sniff()
	if s.r.err != nil {
		return Result{}, fmt.Errorf("scanning: %w", s.r.err)
	}
	return s.result(), nil
}

// sniff tells the format of the whole file and scans it.
func (s *scanner) sniff() {
	s.res.Format = FormatUnknown
	head := make([]byte, min(s.size, 512))
	if readFull(s.r, head, 0) != nil {
		return // kept by the reader
	}
	s.detect(head)
	s.polyglot()
	s.checkName()
}

// A scanner collects what the parsers of one file find.
type scanner struct {
	r    *countedReader
	size int64
	name string
	res  Result
	more int // findings beyond maxFindings

	limits *limits
	depth  int // of files in files
	work   *work
}

func newScanner(r io.ReaderAt, size int64, name string, l *limits) *scanner {
	size = max(size, 0)
	return &scanner{r: &countedReader{r: r}, size: size, name: name, limits: l, work: newWork(l, size)}
}

// countedReader keeps the first error of reading that is not the end of the file, so that parsers which take every error
// for one of format cannot hide a broken disk.
type countedReader struct {
	r   io.ReaderAt
	err error
}

func (c *countedReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errForm // a parser followed a lying offset
	}
	n, err := c.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) && c.err == nil {
		c.err = err
	}
	return n, err
}

func (s *scanner) section(off, n int64) *io.SectionReader { return io.NewSectionReader(s.r, off, n) }

func (s *scanner) add(rule string, severity hallmark.Severity, location, format string, args ...any) {
	s.addAs(Detector, rule, severity, location, fmt.Sprintf(format, args...))
}

func (s *scanner) addAs(detector, rule string, severity hallmark.Severity, location, message string) {
	if len(s.res.Findings) >= maxFindings {
		s.more++
		return
	}
	s.res.Findings = append(s.res.Findings, hallmark.Finding{
		Detector: detector, Rule: rule, Severity: severity,
		Message: hallmark.CleanText(message, maxMessage), Location: hallmark.CleanText(location, maxValue),
	})
}

// cannotParse blocks: a file that breaks its format means different things to different readers.
func (s *scanner) cannotParse(location, format string, args ...any) {
	s.add(RuleCannotParse, hallmark.SeverityCritical, location, format, args...)
}

func (s *scanner) metadata(key, value string) {
	if s.res.Metadata == nil {
		s.res.Metadata = make(map[string]string)
	}
	if len(s.res.Metadata) < maxMetadata {
		s.res.Metadata[hallmark.CleanText(key, maxKey)] = hallmark.CleanText(value, maxValue)
	}
}

func (s *scanner) result() Result {
	if s.more > 0 {
		s.res.Findings = append(s.res.Findings, hallmark.Finding{
			Detector: Detector, Rule: "more-findings", Severity: hallmark.SeverityHigh,
			Message: fmt.Sprintf("%d more findings are not listed", s.more),
		})
	}
	if s.res.Findings == nil {
		s.res.Findings = []hallmark.Finding{}
	}
	rank := []hallmark.Severity{hallmark.SeverityCritical, hallmark.SeverityHigh, hallmark.SeverityMedium, hallmark.SeverityInfo}
	slices.SortStableFunc(s.res.Findings, func(a, b hallmark.Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Severity), slices.Index(rank, b.Severity)),
			cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Location, b.Location), cmp.Compare(a.Message, b.Message))
	})
	return s.res
}

// detect tells the format by content alone, since names lie, and runs its parser.
func (s *scanner) detect(head []byte) {
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("GGUF"):
		s.res.Format = FormatGGUF
		s.gguf()
	case has("PK\x03\x04"), has("PK\x05\x06"):
		s.res.Format = FormatZip
		s.zip()
	case has(h5Magic):
		s.kerasH5()
	case has(npyMagic):
		s.res.Format = FormatNPY
		s.npy(newStreamAt(s.r, s.size), s.size, s.name)
	case s.isSafetensors(head):
		s.res.Format = FormatSafetensors
		s.safetensors()
	case isPickle(head):
		s.res.Format = FormatPickle
		s.pickles(newStreamAt(s.r, s.size), 0, s.name)
	case s.proto(head):
	case s.program(head):
	case s.wrapped(head):
	case isTar(head):
		s.res.Format = FormatTar
		s.tar(newStreamAt(s.r, s.size))
	case isText(head):
		s.text()
	case isOldPickle(s.r, s.size):
		s.res.Format = FormatPickle
		s.pickles(newStreamAt(s.r, s.size), 0, s.name)
	case s.isTable():
		s.res.Format = FormatTFIndex
	case rawTensors().MatchString(s.name):
		s.res.Format = FormatRaw
	default:
		s.add(RuleUnknownFormat, hallmark.SeverityHigh, s.name, "the format of the file is not known")
	}
}

// Programs are told by their first bytes.
var programs = []struct{ magic, what string }{
	{"\x7fELF", "a Linux program"},
	{"MZ", "a Windows program"},
	{"\xcf\xfa\xed\xfe", "a macOS program"},
	{"\xce\xfa\xed\xfe", "a macOS program"},
	{"\xfe\xed\xfa\xce", "a macOS program"},
	{"\xfe\xed\xfa\xcf", "a macOS program"},
	{"dex\n03", "an Android program"},
	{"BC\xc0\xde", "a program in the form of a compiler"},
	{"\x1bLua", "a Lua program"},
	{"L\x00\x00\x00\x01\x14\x02\x00", "a Windows shortcut"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Windows installer or document"},
	{"MSCF\x00\x00\x00\x00", "a Windows cabinet"},
	{"\xca\xfe\xba\xbe", "a macOS or Java program"},
	{"\x00asm", "a WebAssembly program"},
	{"!<arch>", "a library"},
}

func (s *scanner) program(head []byte) bool {
	for _, p := range programs {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			s.add("program", hallmark.SeverityCritical, s.name, "the file is %s", p.what)
			return true
		}
	}
	if bytes.HasPrefix(head, []byte("#!")) && !isText(head) {
		s.add(RuleExecutable, hallmark.SeverityCritical, s.name, "the file begins as a script and goes on as something else")
		return true
	}
	if len(head) >= 16 && head[2] == '\r' && head[3] == '\n' && strings.HasSuffix(strings.ToLower(s.name), ".pyc") {
		s.add("program", hallmark.SeverityCritical, s.name, "the file is compiled Python")
		return true
	}
	return false
}

// isText accepts UTF-8 without control characters other than white space.
func isText(head []byte) bool {
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 && i+utf8.UTFMax <= len(head) || r < ' ' && r != '\n' && r != '\t' && r != '\r' && r != '\f' && r != 0x1b {
			return false
		}
		i += n
	}
	return true
}

// maxTail is how far from its end a zip archive's directory end may lie: its size and the longest comment.
const maxTail = 22 + 65535

// polyglot looks for the end of a zip archive behind another format: readers that begin at the end would open another
// file than those that begin at the start.
func (s *scanner) polyglot() {
	switch s.res.Format {
	case FormatZip, FormatTorch, FormatNPZ, FormatKeras:
		return
	}
	s.lateHDF5()
	if s.res.Format == FormatText || s.res.Format == FormatJSON {
		return
	}
	tail := make([]byte, min(s.size, maxTail))
	start := s.size - int64(len(tail))
	if len(tail) == 0 {
		return
	}
	if _, err := s.r.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return // kept by the reader
	}
	for at := 0; ; at++ {
		i := bytes.Index(tail[at:], []byte("PK\x05\x06"))
		if i < 0 || at+i+22 > len(tail) {
			return
		}
		at += i
		// Weights hold these four bytes by chance now and then: the comment's length has to fit as well.
		if comment := int(tail[at+20]) | int(tail[at+21])<<8; at+22+comment == len(tail) {
			s.add("polyglot", hallmark.SeverityCritical, fmt.Sprintf("byte %d", start+int64(at)), "the file is a zip archive as well")
			return
		}
	}
}
