package scan

import (
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
