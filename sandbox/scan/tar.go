package scan

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// isTar recognises an archive by the checksum of its first header.
func isTar(head []byte) bool {
	if len(head) < 512 || head[0] == 0 {
		return false
	}
	sum := 8 * int(' ')
	for i, b := range head[:512] {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	var want int
	_, err := fmt.Sscanf(strings.Trim(string(head[148:156]), " \x00"), "%o", &want)
	return err == nil && want == sum
}

// paxRecords are the records of extended headers that change nothing about what a member is. Others can: sparse files, other
// sizes, other names for links.
var paxRecords = []string{"path", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "size", "hdrcharset"}

// tar scans an archive: plain files and directories alone, each by its content.
func (s *scanner) tar(in io.Reader) {
	r := tar.NewReader(in)
	names, count, all := map[string]bool{}, 0, int64(0)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.cannotParse(s.name, "the archive: %v", err)
			return
		}
		if count++; count > s.limits.members {
			s.cannotParse(s.name, "more than %d members", s.limits.members)
			return
		}
		if all += h.Size; h.Size > s.limits.unpacked || all > s.limits.unpacked {
			s.add("archive-bomb", hallmark.SeverityCritical, h.Name, "the archive unpacks to more than %d bytes", s.limits.unpacked)
			return
		}
		s.tarMember(r, h, names)
	}
	s.tarRest(in)
}

func (s *scanner) tarMember(r *tar.Reader, h *tar.Header, names map[string]bool) {
	s.checkPath(h.Name)
	if folded := foldName(h.Name); names[folded] {
		s.add("archive-duplicate", hallmark.SeverityCritical, h.Name, "two members have this name, as some systems see it")
	} else {
		names[folded] = true
	}
	for record := range h.PAXRecords {
		if !slices.Contains(paxRecords, record) {
			s.add("archive-mismatch", hallmark.SeverityCritical, h.Name, "the extended header %.80q changes what the member is", record)
		}
	}
	switch h.Typeflag {
	case tar.TypeReg:
		st := newStream(r)
		switch h.Name {
		case "storages", "tensors":
			s.torchTar(st, h.Name)
		default:
			if s.sequential(st, h.Size, h.Name) == FormatUnknown && !hasFinding(s.res.Findings, h.Name) {
				s.add(RuleUnknownFormat, hallmark.SeverityHigh, h.Name, "the format of the member is not known")
			}
		}
	case tar.TypeDir:
	default:
		s.add("archive-link", hallmark.SeverityCritical, h.Name, "the member is a link, a device or a sparse file")
	}
}

// tarRest looks for members behind the end of the archive, where other readers go on.
func (s *scanner) tarRest(in io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			s.add("polyglot", hallmark.SeverityCritical, s.name, "bytes follow the end of the archive")
			return
		}
		if err != nil {
			return
		}
	}
}

// torchTar scans the tensors of torch's first format, whose reader loads pickles however it is asked to (CVE-2025-32434):
// a pickle of their number, and for each a pickle that describes it, with its numbers behind.
//
// Source: torch's serialization module, function legacy_load.
func (s *scanner) torchTar(in *stream, name string) {
	m := newMachine(in, s.pickleReport(name))
	m.object = s.innerPickle(name)
	if err := m.run(); err != nil {
		s.cannotParse(name, "the number of tensors: %v", err)
		return
	}
	for !in.atEnd() {
		err := m.run()
		if err == nil {
			err = m.torchNumbers(name == "storages")
		}
		if err != nil {
			s.cannotParse(name, "byte %d: %v", in.pos(), err)
			return
		}
	}
}

// torchNumbers passes over what follows a pickle: the number of elements and so many, or dimensions, sizes, strides and an
// offset.
func (m *machine) torchNumbers(storages bool) error { //nolint:revive // storages is which of two forms
	if !storages {
		n, err := m.in.uint(8)            // four bytes count
		if err == nil && uint32(n) > 64 { //nolint:gosec // G115: the other four are unused
			err = errFull
		}
		if err != nil {
			return err
		}
		return m.in.skip(uint64(uint32(n))*16 + 8) //nolint:gosec // G115: the other four are unused
	}
	n, err := m.in.uint(8)
	if err != nil {
		return err
	}
	items, _ := m.items(m.result)
	width := int64(0)
	if len(items) == 3 {
		width = storageWidth[strings.TrimPrefix(m.globalOf(items[2]), "torch.")]
	}
	if width == 0 || n > maxInt/16 {
		return fmt.Errorf("a storage of no known type: %w", errPickle)
	}
	return m.in.skip(n * uint64(width))
}
