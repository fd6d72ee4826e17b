package scan

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
)

// kerasH5 scans an HDF5 file, and the configuration of a Keras model if it holds one.
func (s *scanner) kerasH5() {
	s.res.Format = FormatHDF5
	s.hdf5(func(path, name string, texts []string) {
		switch {
		case path == "/" && (name == "model_config" || name == "training_config" || name == "keras_version" || name == "backend"):
			s.kerasAttribute(name, texts)
		default:
			for _, text := range texts[:min(len(texts), 4096)] {
				s.suspicious(path+"@"+name, text)
			}
		}
	})
}

func (s *scanner) kerasAttribute(name string, texts []string) {
	if len(texts) != 1 {
		s.cannotParse(name, "the attribute has %d values", len(texts))
		return
	}
	if !strings.HasSuffix(name, "_config") {
		s.metadata(name, texts[0])
		s.suspicious(name, texts[0])
		return
	}
	s.res.Format = FormatKeras
	s.kerasJSON(name, strings.NewReader(texts[0]))
}

// maxPacked bounds an HDF5 file that is compressed in an archive, which has to be unpacked to be looked into. Keras stores
// it without compression.
const maxPacked = 32 << 20

// memberH5 scans an HDF5 file in an archive, in place if it is not compressed.
func (s *scanner) memberH5(f *zip.File, in io.Reader) {
	inner := &scanner{r: s.r, size: int64(min(f.UncompressedSize64, 1<<62)), name: f.Name}
	if at, err := f.DataOffset(); err == nil && f.Method == zip.Store {
		inner.r = &countedReader{r: s.section(at, inner.size)}
	} else {
		raw, err := io.ReadAll(io.LimitReader(in, maxPacked+1))
		if err != nil || len(raw) > maxPacked {
			s.cannotParse(f.Name, "the compressed member is broken or has more than %d bytes", maxPacked)
			return
		}
		inner.r, inner.size = &countedReader{r: bytes.NewReader(raw)}, int64(len(raw))
	}
	inner.kerasH5()
	for _, found := range inner.res.Findings {
		s.addAs(found.Detector, found.Rule, found.Severity, f.Name+": "+found.Location, found.Message)
	}
	s.more += inner.more
}
