package scan

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const npyMagic = "\x93NUMPY"

// maxNPYHeader bounds a header; the format's own reader stops at 10,000 bytes.
const maxNPYHeader = 1 << 16

// The header is a dictionary in Python's notation. Only the form that numpy writes is taken.
var npyHeader = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\{'descr': (?:'([^'\\]{1,64})'|(\[[^\\]*\])), 'fortran_order': (?:True|False), 'shape': \(((?:[0-9]+L?, ?)*(?:[0-9]+L?)?)\), \} *\n?$`)
})

var npyType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[<>|=]?[?bBhHiIlLqQefdgFDGSUVmMcu]([0-9]{0,9})(?:\[[A-Za-z0-9]+\])?$`)
})

// npy checks one array of the numpy format, of size bytes in all.
//
// Source: numpy's format description (NEP 1).
func (s *scanner) npy(in *stream, size int64, location string) {
	text, headerBytes, err := readNPYHeader(in)
	if err != nil {
		s.cannotParse(location, "the header: %v", err)
		return
	}
	m := npyHeader().FindStringSubmatch(text)
	if m == nil {
		s.cannotParse(location, "the header is not what numpy writes")
		return
	}
	objects, record := recordType(m[2])
	switch {
	case objects || strings.Contains(m[1], "O"): // which are a pickle
		s.pickles(in, -1, location)
		return
	case m[2] != "" && !record:
		s.cannotParse(location, "type %.80q is not known", m[2])
		return
	case record: // its size is not computed
		return
	}
	kind := npyType().FindStringSubmatch(m[1])
	if kind == nil {
		s.cannotParse(location, "type %.40q is not known", m[1])
		return
	}
	want, ok := npyBytes(m[1], kind[1], m[3])
	if !ok || want != uint64(max(0, size-headerBytes)) {
		s.cannotParse(location, "shape (%.80s) of type %.40q needs other than the %d bytes there are", m[3], m[1], size-headerBytes)
	}
}

// npyFields is a record type whose fields are of plain types: a name, or a title and a name, a type and a shape.
var (
	npyFields = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\[(?:\((?:'[^']*'|\('[^']*', '[^']*'\)), '[<>|=]?[?bBhHiIlLqQefdgFDGSUVmMcuO][0-9]{0,9}(?:\[[A-Za-z0-9]+\])?'(?:, \([0-9, ]*\))?\)(?:, )?)+\]`)
	})
	npyObject = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`, '[<>|=]?O[0-9]*'`) })
)

// maxNPYRecords bounds records in records.
const maxNPYRecords = 8

// recordType reads a record type: ok if all of its types are known, objects if one is of objects. Other spellings of a type,
// as 'object', are not what numpy writes.
func recordType(descr string) (objects, ok bool) {
	const plain = "'|V1'"
	for range maxNPYRecords {
		descr = npyFields().ReplaceAllStringFunc(descr, func(record string) string {
			objects = objects || npyObject().MatchString(record)
			return plain
		})
	}
	return objects, descr == plain
}

// npyBytes is the size of an array of the type, whose width the digits give, and the shape.
func npyBytes(descr, digits, shape string) (uint64, bool) {
	n := uint64(1)
	if digits != "" {
		width, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return 0, false
		}
		n = width
		if strings.Contains(descr, "U") {
			n *= 4
		}
	}
	for dim := range strings.SplitSeq(shape, ",") {
		if dim = strings.TrimSuffix(strings.TrimSpace(dim), "L"); dim == "" {
			continue
		}
		v, err := strconv.ParseUint(dim, 10, 64)
		if err != nil {
			return 0, false
		}
		hi, lo := bits.Mul64(n, v)
		if hi != 0 {
			return 0, false
		}
		n = lo
	}
	return n, true
}

// readNPYHeader returns the text of the header and how many bytes it and what is before it take.
func readNPYHeader(in io.Reader) (string, int64, error) {
	var start [8]byte
	if _, err := io.ReadFull(in, start[:]); err != nil {
		return "", 0, err
	}
	width := map[byte]int{1: 2, 2: 4, 3: 4}[start[6]]
	if width == 0 {
		return "", 0, fmt.Errorf("version %d is not known", start[6])
	}
	var length [4]byte
	if _, err := io.ReadFull(in, length[:width]); err != nil {
		return "", 0, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxNPYHeader {
		return "", 0, fmt.Errorf("%d bytes are over the limit", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", 0, err
	}
	return string(text), int64(8 + width + len(text)), nil
}
