package scan

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
)

// maxSafetensorsHeader is the limit of the format's own reader.
const maxSafetensorsHeader = 100_000_000

// bits of one element by type name.
var dtypeBits = map[string]uint64{
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}

var errForm = errors.New("malformed")

// safetensors checks a file of the format: 8 bytes length N, N bytes JSON, tensor data without gaps.
//
// Source: the format's description in the safetensors repository.
func (s *scanner) safetensors() {
	var prefix [8]byte
	if _, err := s.r.ReadAt(prefix[:], 0); err != nil {
		s.cannotParse(s.name, "the length of the header: %v", err)
		return
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxSafetensorsHeader || n > uint64(s.size-8) { //nolint:gosec // G115: the eight bytes could be read
		s.cannotParse(s.name, "a header of %d bytes in a file of %d bytes", n, s.size)
		return
	}
	if s.alsoPickle(8 + int64(n)) {
		s.add("polyglot", hallmark.SeverityCritical, s.name, "the length of the header begins a pickle")
	}
	h := &headerReader{dec: json.NewDecoder(&utf8Reader{r: &textLimiter{r: bufio.NewReader(s.section(8, int64(n)))}}), s: s}
	h.dec.UseNumber()
	if err := h.header(); err != nil {
		s.cannotParse(s.name, "the header: %v", err)
		return
	}
	base := 8 + int64(n)
	slices.SortStableFunc(h.tensors, func(a, b hallmark.TensorRange) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size, b.Size))
	})
	end := int64(0)
	for _, t := range h.tensors {
		if t.Offset != end || t.Size > s.size-base-end {
			s.cannotParse(s.name, "tensor %.80q at %d+%d overlaps, leaves a gap or ends past the file", t.Name, t.Offset, t.Size)
			return
		}
		end += t.Size
	}
	if base+end != s.size {
		s.add("trailing-bytes", hallmark.SeverityHigh, fmt.Sprintf("byte %d", base+end), "%d bytes after the last tensor belong to nothing", s.size-base-end)
	}
	for i := range h.tensors {
		h.tensors[i].Offset += base
	}
	s.res.Tensors = h.tensors
}

// isSafetensors recognises a header that may be one. A length is a number like any other, so that one of 640 bytes begins
// as a pickle does.
func (s *scanner) isSafetensors(head []byte) bool {
	if len(head) <= 8 || head[8] != '{' {
		return strings.HasSuffix(strings.ToLower(s.name), ".safetensors") && !isPickle(head)
	}
	n := binary.LittleEndian.Uint64(head)
	fits := n >= 2 && n <= maxSafetensorsHeader && n <= uint64(s.size-8) //nolint:gosec // G115: nine bytes are there
	return fits && head[7] == 0 || !isText(head[:8]) && !isPickle(head)
}

// alsoPickle reports whether the first n bytes run as a pickle.
func (s *scanner) alsoPickle(n int64) bool {
	m := newMachine(newStreamAt(s.r, n), func(string, string, ...any) {})
	err := m.run()
	return err == nil || m.called || m.named
}

// A utf8Reader stops at bytes that are not UTF-8, where the decoder would put a character of its own.
type utf8Reader struct {
	r    io.Reader
	tail []byte // the beginning of a character at the end of what was read
}

func (u *utf8Reader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.tail = append(u.tail, p[:n]...)
	i := 0
	for i < len(u.tail) && (utf8.FullRune(u.tail[i:]) || err != nil) {
		r, size := utf8.DecodeRune(u.tail[i:])
		if r == utf8.RuneError && size <= 1 {
			return 0, fmt.Errorf("bytes that are not UTF-8: %w", errForm)
		}
		i += size
	}
	u.tail = append(u.tail[:0], u.tail[i:]...)
	return n, err
}

// A headerReader reads the header token by token, so that names written twice are seen and nothing is matched without
// regard to case.
type headerReader struct {
	dec     *json.Decoder
	s       *scanner
	tensors []hallmark.TensorRange
}

func (h *headerReader) header() error {
	err := h.object(func(name string) error {
		if name == "__metadata__" {
			return h.object(func(key string) error {
				value, err := h.text()
				if err == nil {
					h.s.metadata(key, value)
					h.s.suspicious(key, value)
				}
				return err
			})
		}
		return h.tensor(name)
	})
	if err != nil {
		return err
	}
	if _, err := h.dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("bytes after the object: %w", errForm)
	}
	return nil
}

// object reads an object and calls member, which has to read the value, for each name.
func (h *headerReader) object(member func(name string) error) error {
	if err := h.delim('{'); err != nil {
		return err
	}
	seen := map[string]struct{}{}
	for h.dec.More() {
		name, err := h.text()
		if err != nil {
			return err
		}
		if _, twice := seen[name]; twice {
			return fmt.Errorf("%.80q stands twice: %w", name, errForm)
		}
		seen[name] = struct{}{}
		if len(seen) > hallmark.MaxTensors+1 {
			return fmt.Errorf("more than %d members: %w", hallmark.MaxTensors, errForm)
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return h.delim('}')
}

func (h *headerReader) tensor(name string) error {
	var dtype string
	var shape, offsets []uint64
	err := h.object(func(field string) (err error) {
		switch field {
		case "dtype":
			dtype, err = h.text()
		case "shape":
			shape, err = h.numbers(16)
		case "data_offsets":
			offsets, err = h.numbers(2)
		default:
			err = fmt.Errorf("tensor %.80q has a field %.40q: %w", name, field, errForm)
		}
		return err
	})
	if err != nil {
		return err
	}
	width, ok := dtypeBits[dtype]
	if !ok || len(offsets) != 2 || shape == nil || offsets[0] > offsets[1] || offsets[1] > 1<<62 {
		return fmt.Errorf("tensor %.80q has no or wrong type, shape or offsets: %w", name, errForm)
	}
	for _, dim := range shape {
		hi, lo := bits.Mul64(width, dim)
		if hi != 0 {
			return fmt.Errorf("tensor %.80q: the shape overflows: %w", name, errForm)
		}
		width = lo
	}
	if width%8 != 0 || width/8 != offsets[1]-offsets[0] {
		return fmt.Errorf("tensor %.80q: shape and type need %d bits, the offsets give %d bytes: %w", name, width, offsets[1]-offsets[0], errForm)
	}
	if len(h.tensors) == hallmark.MaxTensors {
		return fmt.Errorf("more than %d tensors: %w", hallmark.MaxTensors, errForm)
	}
	if name == "" {
		return fmt.Errorf("a tensor has no name: %w", errForm)
	}
	h.tensors = append(h.tensors, hallmark.TensorRange{Name: name, Offset: int64(offsets[0]), Size: int64(offsets[1] - offsets[0])}) //nolint:gosec // G115: bounded above
	return nil
}

func (h *headerReader) delim(want json.Delim) error {
	t, err := h.dec.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("want %v: %w", want, errForm)
	}
	return nil
}

func (h *headerReader) text() (string, error) {
	t, err := h.dec.Token()
	if err != nil {
		return "", err
	}
	text, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("want a text: %w", errForm)
	}
	return text, nil
}

func (h *headerReader) numbers(most int) ([]uint64, error) {
	if err := h.delim('['); err != nil {
		return nil, err
	}
	out := []uint64{}
	for h.dec.More() {
		t, err := h.dec.Token()
		if err != nil {
			return nil, err
		}
		text, ok := t.(json.Number)
		n, err := strconv.ParseUint(string(text), 10, 64)
		if !ok || err != nil || len(out) == most {
			return nil, fmt.Errorf("want at most %d whole numbers: %w", most, errForm)
		}
		out = append(out, n)
	}
	return out, h.delim(']')
}
