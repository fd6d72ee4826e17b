package scan

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of an archive.
const (
	maxDirectory = 16 << 20  // bytes of the directory at the end
	maxMembers   = 1 << 16   // files
	maxPickle    = 256 << 20 // bytes of one pickle
	maxRatio     = 200       // of a compressed member
	maxConfig    = 16 << 20  // bytes of a configuration file
	maxExtra     = 4096      // bytes of extra fields before a member; writers that align use up to 64
)

const localMagic = "PK\x03\x04"

// zip scans an archive: its members by their content, whatever they are called, and its directory for names and sizes
// that lie.
func (s *scanner) zip() {
	if err := s.checkDirectory(); err != nil {
		s.cannotParse(s.name, "%v", err)
		return
	}
	archive, err := zip.NewReader(s.r, s.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		s.cannotParse(s.name, "the archive: %v", err)
		return
	}
	first := s.size
	seen := map[string]bool{}
	for _, f := range archive.File {
		s.memberName(f, seen)
		start, err := f.DataOffset()
		if err != nil {
			s.cannotParse(f.Name, "the member: %v", err)
			continue
		}
		if err := s.checkLocal(f, start); err != nil {
			s.cannotParse(f.Name, "%v", err)
			continue
		}
		first = min(first, start-30-int64(len(f.Name)))
		s.member(f)
	}
	if len(archive.File) > 0 && first > 1<<16 { // the first member's header and its extra field begin the file
		s.add("polyglot", hallmark.SeverityCritical, s.name, "%d bytes stand before the first member", first)
	}
	s.archiveKind(seen)
}

// checkDirectory bounds the directory before anything is allocated for it.
func (s *scanner) checkDirectory() error {
	tail := make([]byte, min(s.size, maxTail))
	if _, err := s.r.ReadAt(tail, s.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || i+22 > len(tail) {
		return errors.New("the archive has no directory")
	}
	end := tail[i:]
	members, size := binary.LittleEndian.Uint16(end[10:]), binary.LittleEndian.Uint32(end[12:])
	comment := int(binary.LittleEndian.Uint16(end[20:]))
	if len(end) != 22+comment {
		return fmt.Errorf("%d bytes stand after the archive", len(end)-22-comment)
	}
	if members == 0xffff || size == 0xffffffff {
		// The 64-bit form: its record stands before the locator, which stands before the end.
		var record [56]byte
		at := s.size - int64(len(end)) - 20 - 56
		if _, err := s.r.ReadAt(record[:], max(at, 0)); err != nil || !bytes.HasPrefix(record[:], []byte("PK\x06\x06")) {
			return errors.New("the archive's 64-bit directory is not where it should be")
		}
		if n, b := binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:]); n > maxMembers || b > maxDirectory {
			return fmt.Errorf("a directory of %d members and %d bytes is over the limit", n, b)
		}
		return nil
	}
	if size > maxDirectory {
		return fmt.Errorf("a directory of %d bytes is over the limit", size)
	}
	return nil
}

// checkLocal compares a member's own header with the directory: readers that trust one and readers that trust the other
// must see the same.
func (s *scanner) checkLocal(f *zip.File, start int64) error {
	head := make([]byte, min(start, 30+int64(len(f.Name))+maxExtra))
	if _, err := s.r.ReadAt(head, start-int64(len(head))); err != nil {
		return err
	}
	for at := bytes.LastIndex(head, []byte(localMagic)); at >= 0; at = bytes.LastIndex(head[:at], []byte(localMagic)) {
		h := head[at:]
		if len(h) < 30 {
			continue
		}
		name, extra := int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:]))
		if 30+name+extra != len(h) {
			continue
		}
		if string(h[30:30+name]) != f.Name || binary.LittleEndian.Uint16(h[8:]) != f.Method {
			return fmt.Errorf("the member calls itself %.80q", h[30:30+name])
		}
		return nil
	}
	return errors.New("the member's header does not match the directory")
}

func (s *scanner) memberName(f *zip.File, seen map[string]bool) {
	clean := strings.ReplaceAll(f.Name, "\\", "/")
	if !fs.ValidPath(strings.TrimSuffix(clean, "/")) || strings.Contains(clean, ":") {
		s.add("archive-path", hallmark.SeverityCritical, f.Name, "the member would be written outside the directory it is unpacked into")
	}
	if seen[f.Name] {
		s.add("archive-duplicate", hallmark.SeverityCritical, f.Name, "two members have this name")
	}
	seen[f.Name] = true
	if f.Mode()&fs.ModeSymlink != 0 {
		s.add("archive-link", hallmark.SeverityCritical, f.Name, "the member is a symbolic link")
	}
}

// member scans one member by its first bytes.
func (s *scanner) member(f *zip.File) {
	if f.CompressedSize64 > 0 && f.UncompressedSize64/f.CompressedSize64 > maxRatio && f.UncompressedSize64 > 1<<20 {
		s.add("archive-bomb", hallmark.SeverityCritical, f.Name, "the member grows %d times when it is unpacked", f.UncompressedSize64/f.CompressedSize64)
		return
	}
	if strings.HasSuffix(f.Name, "/") {
		return
	}
	if f.Flags&1 != 0 {
		s.cannotParse(f.Name, "the member is encrypted")
		return
	}
	in, err := f.Open()
	if err != nil {
		s.cannotParse(f.Name, "the member: %v", err)
		return
	}
	defer in.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.cannotParse(f.Name, "the member: %v", err) // what could be read is looked at all the same
	}
	head = head[:n]
	all := io.MultiReader(bytes.NewReader(head), in)
	size := int64(min(f.UncompressedSize64, 1<<62))
	switch {
	case isPickle(head), path.Ext(f.Name) == ".pkl", path.Ext(f.Name) == ".pickle", len(head) > 0 && isText(head) && isOldPickle(head):
		s.memberPickle(f, all, size)
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		s.npy(all, size, f.Name)
	case bytes.HasPrefix(head, []byte(h5Magic)):
		s.memberH5(f, all)
	case bytes.HasPrefix(head, []byte(localMagic)):
		s.add("archive-nested", hallmark.SeverityMedium, f.Name, "the member is an archive, which was not looked into")
	case strings.HasSuffix(f.Name, "config.json"):
		s.kerasJSON(f.Name, io.LimitReader(all, maxConfig))
	default:
		s.program(head)
	}
}

// memberPickle scans a pickle inside the archive. A wrong checksum is reported: some loaders do not check it, so the
// pickle counts all the same.
func (s *scanner) memberPickle(f *zip.File, in io.Reader, size int64) {
	if size > maxPickle {
		s.cannotParse(f.Name, "a pickle of %d bytes is over the limit", size)
		return
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxPickle+1))
	if err != nil {
		s.cannotParse(f.Name, "the member: %v", err)
	}
	inner := &scanner{r: &countedReader{r: bytes.NewReader(raw)}, size: int64(len(raw)), name: f.Name}
	inner.pickles(inner.size, f.Name)
	for _, found := range inner.res.Findings {
		s.addAs(found.Detector, found.Rule, found.Severity, found.Location, found.Message)
	}
	s.more += inner.more
	s.res.Format = FormatTorch
}

// archiveKind names what kind of archive it is, by its members.
func (s *scanner) archiveKind(names map[string]bool) {
	arrays := len(names) > 0
	for name := range names {
		arrays = arrays && strings.HasSuffix(name, ".npy")
	}
	switch {
	case s.res.Format == FormatTorch:
	case arrays:
		s.res.Format = FormatNPZ
	case names["config.json"] && names["metadata.json"]:
		s.res.Format = FormatKeras
	default:
		s.add(RuleUnknownFormat, hallmark.SeverityHigh, s.name, "an archive of a kind that is not known")
	}
}
