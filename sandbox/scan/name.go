package scan

import (
	"path"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

var (
	pickles = []string{FormatPickle, FormatTorch, FormatTar, FormatGzip, FormatZlib, FormatBzip2, FormatXZ, FormatLZMA, FormatLZ4}
	texts   = []string{FormatText, FormatJSON}
)

// claims are the formats that a name's extension promises. A program that chooses its reader by the name, or a scanner that
// does, takes a file whose name lies for another one (CVE-2025-10155). Extensions that several programs use for formats of
// their own (.bin, .dat, .ckpt, .model) promise nothing.
var claims = map[string][]string{
	".gguf": {FormatGGUF}, ".safetensors": {FormatSafetensors}, ".npy": {FormatNPY}, ".npz": {FormatNPZ}, ".keras": {FormatKeras},
	".pt": pickles, ".pth": pickles, ".pkl": pickles, ".pickle": pickles, ".dill": pickles, ".joblib": pickles,
	".h5": {FormatHDF5, FormatKeras}, ".hdf5": {FormatHDF5, FormatKeras}, ".onnx": {FormatONNX}, ".pb": {FormatSavedModel, FormatGraphDef},
	".tar": {FormatTar}, ".gz": {FormatGzip}, ".tgz": {FormatGzip}, ".bz2": {FormatBzip2}, ".xz": {FormatXZ}, ".7z": {Format7z}, ".zst": {FormatZstd},
	".zip":  {FormatZip, FormatTorch, FormatNPZ, FormatKeras},
	".json": texts, ".jsonl": texts, ".txt": texts, ".md": texts, ".csv": texts, ".tsv": texts, ".yaml": texts, ".yml": texts, ".toml": texts,
	".jinja": {FormatTemplate}, ".xml": texts, ".html": texts, ".py": texts, ".ipynb": texts, ".cfg": texts, ".ini": texts,
}

// checkName reports a name that promises another format than the content has.
func (s *scanner) checkName() {
	ext := strings.ToLower(path.Ext(s.name))
	if want := claims[ext]; want != nil && s.res.Format != FormatUnknown && !slices.Contains(want, s.res.Format) {
		s.add(ruleWrongName, hallmark.SeverityHigh, s.name, "a file named %.20q holds %s", ext, s.res.Format)
	}
}
