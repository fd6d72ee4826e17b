package scan

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	".jinja": {FormatTemplate}, ".xml": texts, ".html": texts, ".py": {FormatPython}, ".ipynb": {FormatNotebook}, ".sh": {FormatShell}, ".cfg": texts, ".ini": texts,
}

// ordinaryHidden are hidden files that repositories of models have.
var ordinaryHidden = []string{".gitattributes", ".gitignore", ".gitkeep", ".gitmodules", ".dockerignore", ".editorconfig", ".keep", ".nojekyll", ".msc", ".mdl", ".mv", ".metadata"}

// checkName reports a name that promises another format than the content has, that nobody sees, or that shows as another.
func (s *scanner) checkName() {
	base := path.Base(s.name)
	shown := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || slices.Contains(bidi, r)
	}
	if strings.ContainsFunc(base, shown) || !utf8.ValidString(base) {
		s.add("file-name", hallmark.SeverityHigh, s.name, "the name holds characters that do not show, or turn text around")
	}
	if strings.HasPrefix(base, ".") && len(base) > 1 && !strings.HasPrefix(base, `..\`) && !slices.Contains(ordinaryHidden, base) {
		severity := hallmark.SeverityMedium
		if s.res.Format != FormatText && s.res.Format != FormatJSON && s.res.Format != FormatUnknown { // the latter is a reason of its own
			severity = hallmark.SeverityHigh
		}
		s.add("hidden-file", severity, s.name, "the file is hidden, and holds %s", s.res.Format)
	}
	ext := strings.ToLower(path.Ext(s.name))
	if want := claims[ext]; want != nil && s.res.Format != FormatUnknown && !slices.Contains(want, s.res.Format) {
		s.add(ruleWrongName, hallmark.SeverityHigh, s.name, "a file named %.20q holds %s", ext, s.res.Format)
	}
}
