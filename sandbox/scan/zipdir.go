package scan

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A zipDirectory is the directory at the end of a zip archive.
//
// Source: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.
type zipDirectory struct {
	entries []zipEntry
	shift   int64 // bytes before the archive, which its own offsets do not count
	start   int64 // of the directory in the file
}

// A zipEntry is one member as the directory has it, with the places that its own header gives.
type zipEntry struct {
	name          string
	flags, method uint16
	crc           uint32
	packed, size  int64 // bytes compressed, and not
	header        int64 // where its own header begins in the file
	data, end     int64 // its bytes; end is behind the record that may follow them
	mode          uint32
	unicodeName   string // of the extra field that overrides the name
	index         int    // in the directory
}

// Bits of the flags.
const (
	zipEncrypted  = 1 | 1<<6 | 1<<13
	zipDescriptor = 1 << 3
	zipPatch      = 1 << 5
)

const (
	zipLocal      = "PK\x03\x04"
	zipCentral    = "PK\x01\x02"
	zipEnd        = "PK\x05\x06"
	zipEnd64      = "PK\x06\x06"
	zipLocator64  = "PK\x06\x07"
	zipDescribed  = "PK\x07\x08"
	zipEndSize    = 22
	maxDirectory  = 64 << 20 // bytes of the directory
	maxExtra      = 1 << 16  // bytes of extra fields
	maxNameLength = 4096
)

// u16 and its kin read little-endian numbers at a place that the caller has checked.
func u16(b []byte, at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

// readFull reads exactly len(p) bytes.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readZipDirectory reads the directory; of each entry all but the places of its data.
func readZipDirectory(r io.ReaderAt, size int64, most int) (*zipDirectory, error) {
	end, err := zipEnds(r, size)
	if err != nil {
		return nil, err
	}
	count, length, offset, at := end.count, end.length, end.offset, end.at
	if count > uint64(most) || length > maxDirectory { //nolint:gosec // G115: not negative
		return nil, fmt.Errorf("a directory of %d members and %d bytes is over the limit", count, length)
	}
	d := &zipDirectory{start: at - int64(length)}
	if d.shift = d.start - int64(offset); d.start < 0 || d.shift < 0 || offset > 1<<62 { //nolint:gosec // G115: bounded
		return nil, fmt.Errorf("a directory of %d bytes at %d does not lie before its end at %d", length, offset, at)
	}
	raw := make([]byte, length)
	if err := readFull(r, raw, d.start); err != nil {
		return nil, err
	}
	for range count {
		e, n, err := parseCentral(raw)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the directory: %w", len(d.entries), err)
		}
		e.header, e.index = e.header+d.shift, len(d.entries)
		raw = raw[n:]
		d.entries = append(d.entries, e)
	}
	if len(raw) > 0 {
		return nil, fmt.Errorf("the directory has %d bytes more than its %d entries", len(raw), count)
	}
	return d, nil
}

// A zipEnding is what the records at the end say: how many entries and bytes the directory has, and its offset. at is
// where it has to end.
type zipEnding struct {
	count, length, offset uint64
	at                    int64
}

// zipEnds reads the records at the end.
func zipEnds(r io.ReaderAt, size int64) (zipEnding, error) {
	tail := make([]byte, min(size, maxTail))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return zipEnding{}, err
	}
	found := bytes.LastIndex(tail, []byte(zipEnd))
	for found >= 0 && (len(tail)-found < zipEndSize || found+zipEndSize+int(u16(tail, found+20)) != len(tail)) {
		found = bytes.LastIndex(tail[:found], []byte(zipEnd))
	}
	if found < 0 {
		return zipEnding{}, errors.New("the archive has no directory at its end")
	}
	end := tail[found:]
	if bytes.Contains(end[zipEndSize:], []byte("PK")) {
		return zipEnding{}, errors.New("the archive's comment holds another archive's end")
	}
	if u16(end, 4) != 0 || u16(end, 6) != 0 || u16(end, 8) != u16(end, 10) {
		return zipEnding{}, errors.New("the archive is one of several parts")
	}
	return zipEnds64(r, zipEnding{uint64(u16(end, 10)), uint64(u32(end, 12)), uint64(u32(end, 16)), size - int64(len(end))})
}

// zipEnds64 reads the 64-bit records, which stand before the end, if they are there. Where both have a number, they have
// to agree.
func zipEnds64(r io.ReaderAt, short zipEnding) (zipEnding, error) {
	need := short.count == 0xffff || short.length == 0xffffffff || short.offset == 0xffffffff
	at := short.at
	var locator [20]byte
	if at < 20 || readFull(r, locator[:], at-20) != nil || string(locator[:4]) != zipLocator64 {
		if need {
			return zipEnding{}, errors.New("the archive's 64-bit directory is not where it should be")
		}
		return short, nil
	}
	var record [56]byte
	place := at - 20 - 56
	if place < 0 || readFull(r, record[:], place) != nil || string(record[:4]) != zipEnd64 || u64(record[:], 4) != 44 || u32(locator[:], 16) > 1 {
		return zipEnding{}, errors.New("the archive's 64-bit directory is not where it should be")
	}
	same := func(has, sentinel, long uint64) bool { return has == sentinel || has == long }
	c, l, o := u64(record[:], 32), u64(record[:], 40), u64(record[:], 48)
	if u64(record[:], 24) != c || !same(short.count, 0xffff, c) || !same(short.length, 0xffffffff, l) || !same(short.offset, 0xffffffff, o) || u32(record[:], 16) != 0 || u32(record[:], 20) != 0 {
		return zipEnding{}, errors.New("the archive has two directories that do not agree")
	}
	if u64(locator[:], 8) > o+l {
		return zipEnding{}, errors.New("the archive's 64-bit directory is elsewhere")
	}
	return zipEnding{c, l, o, place}, nil
}

// parseCentral reads one entry of the directory and returns its length.
func parseCentral(b []byte) (zipEntry, int, error) {
	if len(b) < 46 || string(b[:4]) != zipCentral {
		return zipEntry{}, 0, errors.New("it is none")
	}
	name, extra, comment := int(u16(b, 28)), int(u16(b, 30)), int(u16(b, 32))
	n := 46 + name + extra + comment
	if n > len(b) || name > maxNameLength || name == 0 {
		return zipEntry{}, 0, errors.New("its name is too long or missing")
	}
	e := zipEntry{
		name: string(b[46 : 46+name]), flags: u16(b, 8), method: u16(b, 10), crc: u32(b, 16),
		packed: int64(u32(b, 20)), size: int64(u32(b, 24)), header: int64(u32(b, 42)), mode: u32(b, 38) >> 16,
	}
	if b[5] != 3 && b[5] != 19 { // made on another system than Unix
		e.mode = 0
	}
	if u16(b, 34) != 0 && u16(b, 34) != 0xffff {
		return zipEntry{}, 0, errors.New("it lies on another disk")
	}
	err := e.extra(b[46+name:46+name+extra], &e.size, &e.packed, &e.header)
	return e, n, err
}

// extra reads the extra fields: 64-bit numbers replace those that are at their limit, in this order.
func (e *zipEntry) extra(b []byte, numbers ...*int64) error {
	done := false
	for len(b) >= 4 {
		id, n := u16(b, 0), int(u16(b, 2))
		if n > len(b)-4 {
			return errors.New("its extra fields are cut")
		}
		field := b[4 : 4+n]
		b = b[4+n:]
		switch {
		case id == 0x0001 && done:
			return errors.New("it has its 64-bit numbers twice")
		case id == 0x0001:
			done = true
			for _, number := range numbers {
				if *number != 0xffffffff {
					continue
				}
				if len(field) < 8 || u64(field, 0) > 1<<62 {
					return errors.New("its 64-bit numbers are missing or too large")
				}
				*number, field = int64(u64(field, 0)), field[8:] //nolint:gosec // G115: bounded
			}
		case id == 0x7075 && n > 5:
			e.unicodeName = string(field[5:])
		}
	}
	return nil
}

// locate reads a member's own header and sets the places of its data. It returns what the header says otherwise than the
// directory.
func (e *zipEntry) locate(r io.ReaderAt, limit int64) (differs string, err error) {
	var h [30]byte
	if e.header < 0 || e.header > limit-30 {
		return "", errors.New("its place is outside of the archive")
	}
	if err := readFull(r, h[:], e.header); err != nil {
		return "", err
	}
	if string(h[:4]) != zipLocal {
		return "", errors.New("there is no member where the directory says")
	}
	rest := make([]byte, int(u16(h[:], 26))+int(u16(h[:], 28)))
	if err := readFull(r, rest, e.header+30); err != nil {
		return "", err
	}
	e.data = e.header + 30 + int64(len(rest))
	if e.end = e.data + e.packed; e.packed < 0 || e.size < 0 || e.end > limit || e.end < e.data {
		return "", errors.New("its data end outside of the archive")
	}
	own := zipEntry{name: string(rest[:u16(h[:], 26)]), flags: u16(h[:], 6), method: u16(h[:], 8), crc: u32(h[:], 14), packed: int64(u32(h[:], 18)), size: int64(u32(h[:], 22))}
	if err := own.extra(rest[u16(h[:], 26):], &own.size, &own.packed); err != nil {
		return err.Error(), nil //nolint:nilerr // it is what differs
	}
	differs, behind := e.compare(own), e.descriptor(r, limit)
	if differs == "" {
		differs = behind
	}
	return differs, nil
}

// compare names the first thing in which a member's own header differs.
func (e *zipEntry) compare(own zipEntry) string {
	const same = zipEncrypted | zipDescriptor | zipPatch
	later := own.flags&zipDescriptor != 0 && own.crc == 0 && own.packed == 0 && own.size == 0
	switch {
	case own.name != e.name:
		return fmt.Sprintf("its own name is %.80q", own.name)
	case e.unicodeName != "" && e.unicodeName != e.name, own.unicodeName != "" && own.unicodeName != e.name:
		return "its name is given twice, differently"
	case own.method != e.method:
		return fmt.Sprintf("its own method is %d, in the directory it is %d", own.method, e.method)
	case own.flags&same != e.flags&same:
		return fmt.Sprintf("its own flags are %#x, in the directory they are %#x", own.flags, e.flags)
	case !later && (own.crc != e.crc || own.packed != e.packed && own.packed != 0xffffffff || own.size != e.size && own.size != 0xffffffff):
		return "its own checksum or sizes differ from the directory's"
	}
	return ""
}

// descriptor passes over the record that follows the data of members written as a stream: a mark, which may be missing,
// the checksum, and both sizes of 4 or 8 bytes each.
func (e *zipEntry) descriptor(r io.ReaderAt, limit int64) string {
	if e.flags&zipDescriptor == 0 {
		return ""
	}
	b := make([]byte, min(24, limit-e.end))
	if err := readFull(r, b, e.end); err != nil {
		return "the record behind its data is cut"
	}
	mark := 0
	if len(b) >= 4 && string(b[:4]) == zipDescribed {
		mark = 4
	}
	switch {
	case len(b) >= mark+20 && u32(b, mark) == e.crc && u64(b, mark+4) == uint64(e.packed) && u64(b, mark+12) == uint64(e.size): //nolint:gosec // G115: not negative
		e.end += int64(mark) + 20
	case len(b) >= mark+12 && u32(b, mark) == e.crc && int64(u32(b, mark+4)) == e.packed && int64(u32(b, mark+8)) == e.size:
		e.end += int64(mark) + 12
	default:
		return "the record behind its data says otherwise than the directory"
	}
	return ""
}

// gaps returns what no member of the directory covers, as places in the file: other readers find members there. Members
// that begin inside of another one lose their place: reading each of them would cost the file's size for each entry.
func (d *zipDirectory) gaps() (gaps []span, overlap bool) {
	byPlace := slices.SortedFunc(slices.Values(d.entries), func(a, b zipEntry) int { return cmp.Or(cmp.Compare(a.header, b.header), cmp.Compare(a.index, b.index)) })
	at := int64(0)
	for i := range byPlace {
		e := &byPlace[i]
		if e.end == 0 {
			continue // reported
		}
		if e.header > at {
			gaps = append(gaps, span{at, e.header - at})
		}
		if e.header < at {
			overlap = true
			d.entries[e.index].end = 0
			continue
		}
		at = e.end
	}
	if d.start > at {
		gaps = append(gaps, span{at, d.start - at})
	}
	return gaps, overlap || d.start < at
}

// foldName is the name under which some systems store a member: without regard to case, and with one separator.
func foldName(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(name, "/"), "\\", "/"))
}
