package scan

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// zip scans an archive: its members by their content, whatever they are called, and what its directory and its members'
// own headers say of names, sizes and places.
func (s *scanner) zip() {
	d, err := readZipDirectory(s.r, s.size, s.limits.members)
	if err != nil {
		s.cannotParse(s.name, "the archive: %v", err)
		return
	}
	a := &zipArchive{scanner: s, names: map[string]bool{}, roots: map[string]bool{}, storages: map[string]int64{}}
	for _, e := range d.entries {
		if root, ok := strings.CutSuffix(e.name, "data.pkl"); ok && (root == "" || strings.HasSuffix(root, "/")) {
			a.roots[root] = true
		}
	}
	for i := range d.entries {
		a.checked(&d.entries[i], d.start)
	}
	a.places(d)
	for i := range d.entries {
		if e := &d.entries[i]; e.end > 0 {
			a.member(e)
		}
	}
	a.compareStorages(d)
	a.kind()
	a.runsCode()
}

// A zipArchive is an archive that is being scanned.
type zipArchive struct {
	*scanner
	names    map[string]bool  // as in the directory
	roots    map[string]bool  // directories that hold a data.pkl
	storages map[string]int64 // sizes that the pickles claim, by member name
	pickled  bool
	code     string // a member in Python
	all      int64  // bytes of all members
}

// checked looks at an entry's name and header.
func (a *zipArchive) checked(e *zipEntry, limit int64) {
	folded := foldName(e.name)
	if a.names[folded] {
		a.add("archive-duplicate", hallmark.SeverityCritical, e.name, "two members have this name, as some systems see it")
	}
	a.names[folded] = true
	a.checkPath(e.name)
	if kind := e.mode & 0o170000; kind != 0 && kind != 0o100000 && kind != 0o040000 {
		a.add("archive-link", hallmark.SeverityCritical, e.name, "the member is a link or a device")
	}
	differs, err := e.locate(a.r, limit)
	if err != nil {
		e.end = 0
		a.cannotParse(e.name, "the member: %v", err)
		return
	}
	if differs != "" {
		a.add("archive-mismatch", hallmark.SeverityCritical, e.name, "%s", differs)
	}
	if e.flags&(zipEncrypted|zipPatch) != 0 {
		a.add(ruleEncrypted, hallmark.SeverityHigh, e.name, "the member is encrypted or a patch")
	}
}

// checkPath refuses names that would be written outside of the directory that an archive is unpacked into.
func (s *scanner) checkPath(name string) {
	clean := strings.TrimSuffix(strings.ReplaceAll(name, "\\", "/"), "/")
	if !fs.ValidPath(strings.TrimPrefix(clean, "./")) || strings.ContainsAny(clean, ":\x00") {
		s.add("archive-path", hallmark.SeverityCritical, name, "the member would be written outside of the directory that it is unpacked into")
	}
}

// places reports what the directory does not cover.
func (a *zipArchive) places(d *zipDirectory) {
	gaps, overlap := d.gaps()
	if overlap {
		a.add("archive-bomb", hallmark.SeverityCritical, a.name, "members of the archive overlap; one of each place is looked into")
	}
	for _, g := range gaps {
		var mark [4]byte
		switch err := readFull(a.r, mark[:], g.off); {
		case err == nil && string(mark[:]) == zipLocal:
			a.add("archive-hidden", hallmark.SeverityCritical, fmt.Sprintf("byte %d", g.off), "%d bytes hold members that the directory does not list", g.n)
		default:
			a.add("polyglot", hallmark.SeverityCritical, fmt.Sprintf("byte %d", g.off), "%d bytes of the archive belong to no member", g.n)
		}
	}
}

// storage reports whether a member is raw tensor data of a torch archive, which has no format: data/NAME beside a data.pkl.
func (a *zipArchive) storage(name string) bool {
	dir, file := path.Split(name)
	root, ok := strings.CutSuffix(dir, "data/")
	return ok && storageKey().MatchString(file) && a.roots[root]
}

// storageKey names the data of one tensor: torch numbers them.
var storageKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+$`) })

// loaderMarks are members of archives whose reader runs the Python code in them: packages and scripts of torch, and archives
// of TorchServe.
var loaderMarks = []string{".data/extern_modules", "constants.pkl", "MAR-INF/MANIFEST.json"}

// runsCode refuses the code of such archives: what it does is not known.
func (a *zipArchive) runsCode() {
	for name := range a.names {
		for _, mark := range loaderMarks {
			if mark = foldName(mark); a.code != "" && (name == mark || strings.HasSuffix(name, "/"+mark)) {
				a.add("archive-code", hallmark.SeverityCritical, a.code, "loading the archive runs this and other files in it")
				return
			}
		}
	}
}

// member scans one member and checks its checksum and sizes. What could be read counts, whatever they say: some loaders do
// not check (CVE-2025-10156).
func (a *zipArchive) member(e *zipEntry) {
	if strings.HasSuffix(e.name, "/") && e.size == 0 {
		return
	}
	if a.all += e.size; e.size > a.limits.unpacked || a.all > a.limits.unpacked || e.packed > 0 && e.size/e.packed > a.limits.ratio && e.size > a.limits.growth {
		a.add("archive-bomb", hallmark.SeverityCritical, e.name, "the member grows from %d to %d bytes", e.packed, e.size)
		return
	}
	var sum uint32
	var n int64
	var err error
	switch e.method {
	case 0:
		a.stored(e)
		sum, n, err = checksum(a.section(e.data, e.packed), a.work.scratch())
	case 8:
		in := a.unpacking(flate.NewReader(a.section(e.data, e.packed)), math.MaxInt64)
		counted := &summedReader{r: io.LimitReader(in, e.size+1)}
		a.part(counted, e)
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, counted, a.work.scratch())
		sum, n = counted.sum, counted.n
	default:
		a.cannotParse(e.name, "compression method %d is not known", e.method)
		return
	}
	switch {
	case errors.Is(err, errTooLarge):
		a.add("archive-bomb", hallmark.SeverityCritical, e.name, "the archive unpacks to: %v", err)
	case err != nil:
		a.cannotParse(e.name, "the member: %v", err)
	case sum != e.crc || n != e.size:
		a.add(ruleChecksum, hallmark.SeverityHigh, e.name, "the member's checksum or size is not that of its bytes")
	}
}

// checksum reads everything once.
func checksum(r io.Reader, buffer []byte) (sum uint32, n int64, err error) {
	counted := &summedReader{r: r}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, counted, buffer)
	return counted.sum, counted.n, err
}

// A summedReader computes the checksum of what is read.
type summedReader struct {
	r   io.Reader
	sum uint32
	n   int64
}

func (c *summedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum, c.n = crc32.Update(c.sum, crc32.IEEETable, p[:n]), c.n+int64(n)
	return n, err
}

// stored scans a member that is not compressed where it is.
func (a *zipArchive) stored(e *zipEntry) {
	section := a.section(e.data, e.packed)
	switch {
	case a.storage(e.name):
		if looksCalled(newStreamAt(section, e.packed)) {
			a.pickles(newStreamAt(section, e.packed), e.data, e.name)
		}
	case path.Base(e.name) == "data.pkl":
		a.pickle(newStreamAt(section, e.packed), e.data, e.name)
	case e.name == kerasConfig:
		a.kerasJSON(e.name, section)
		fallthrough
	default:
		a.note(a.inner(section, e.packed, e.name), e.name)
	}
}

// part scans a compressed member as it is unpacked.
func (a *zipArchive) part(in io.Reader, e *zipEntry) {
	st := newStream(in)
	switch {
	case a.storage(e.name):
		if isPickle(st.peek(2)) && looksCalled(st) {
			a.add("pickle-global", hallmark.SeverityCritical, e.name, "the tensor data is a pickle that imports and calls something")
		}
	case path.Base(e.name) == "data.pkl":
		a.pickle(st, -1, e.name)
	case e.name == kerasConfig:
		a.compressedConfig(st, e.name)
	default:
		a.note(a.sequential(st, e.size, e.name), e.name)
	}
}

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 16 << 20

// kerasConfig is the member from which Keras makes a model.
const kerasConfig = "config.json"

// compressedConfig scans the configuration of what may be a model of Keras, or of another library.
func (a *zipArchive) compressedConfig(st *stream, name string) {
	most := min(maxConfig, a.limits.memory-a.work.held)
	raw, err := readMost(st, most)
	if err != nil && !errors.Is(err, errTooLarge) { // the latter is reported where it is unpacked
		a.cannotParse(name, "the compressed data: %v", err)
	}
	if int64(len(raw)) > most {
		a.cannotParse(name, "a configuration of more than %d bytes", most)
		return
	}
	a.work.held += int64(len(raw))
	defer func() { a.work.held -= int64(len(raw)) }()
	a.kerasJSON(name, bytes.NewReader(raw))
	a.note(a.inner(bytes.NewReader(raw), int64(len(raw)), name), name)
}

// pickle scans the pickle of a torch archive.
func (a *zipArchive) pickle(in *stream, at int64, name string) {
	a.pickled = true
	m := a.pickles(in, at, name)
	for key, n := range m.storages {
		a.storages[strings.TrimSuffix(name, "data.pkl")+"data/"+key] = n
	}
}

// note remembers what a member turned out to be.
func (a *zipArchive) note(format, name string) {
	switch format {
	case FormatPickle:
		a.pickled = true
	case FormatPython:
		a.code = name
	case FormatUnknown:
		if !hasFinding(a.res.Findings, name) {
			a.add(RuleUnknownFormat, hallmark.SeverityHigh, name, "the format of the member is not known")
		}
	}
}

func hasFinding(list []hallmark.Finding, location string) bool {
	for _, f := range list {
		if strings.HasPrefix(f.Location, location) {
			return true
		}
	}
	return false
}

// compareStorages refuses pickles that take more bytes from a tensor's data than there are: a reader that trusts them reads
// what lies behind in memory.
func (a *zipArchive) compareStorages(d *zipDirectory) {
	for _, e := range d.entries {
		if want, claimed := a.storages[e.name]; claimed && want > e.size {
			a.add("torch-storage", hallmark.SeverityCritical, e.name, "the pickle takes %d bytes of tensor data, there are %d", want, e.size)
		}
	}
}

// kind names what kind of archive it is, by its members.
func (a *zipArchive) kind() {
	arrays := len(a.names) > 0
	for name := range a.names {
		arrays = arrays && strings.HasSuffix(name, ".npy")
	}
	switch {
	case arrays:
		a.res.Format = FormatNPZ
	case a.names["config.json"] && a.names["metadata.json"]:
		a.res.Format = FormatKeras
	case a.pickled || len(a.roots) > 0:
		a.res.Format = FormatTorch
	case len(a.names) == 0:
		a.add(RuleUnknownFormat, hallmark.SeverityHigh, a.name, "the archive is empty")
	}
}

// looksCalled reports whether bytes that should be no pickle run as one that imports and calls what is not allowed.
func looksCalled(in *stream) bool {
	if !isPickle(in.peek(2)) {
		return false
	}
	bad := false
	m := newMachine(in, func(string, string, ...any) { bad = true })
	err := m.run()
	return bad && (m.called || m.named && err == nil)
}
