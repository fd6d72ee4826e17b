package scan

import (
	"encoding/base64"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// What the configuration of a Keras model may name is a list of what needs no code from the file and none from elsewhere;
// everything else is a finding. Keras resolves "module" and "class_name" by importing, so that a name is a call
// (CVE-2025-1550), functions of Keras itself included (get_file, CVE-2025-8747; enable_unsafe_deserialization,
// CVE-2025-9906), and layers that hold code are loaded from HDF5 files whatever the caller asked for (CVE-2024-3660,
// CVE-2025-9905).
//
// Source: serialization_lib of Keras 3 and the legacy format of Keras 2.

// kerasWanted are the members that decide what an object of a configuration is.
var kerasWanted = map[string]bool{
	"class_name": true, "module": true, "registered_name": true, "config": true, "spec_name": true, "vocabulary": true,
	"function": true, "fn": true, "filepath": true, "function_type": true, "idf_weights": true,
}

// kerasCode are the classes that run code of the file, or load another file, when they are made.
var kerasCode = map[string]string{
	"Lambda":             "holds Python code that runs when the model is loaded",
	"__lambda__":         "holds Python code that runs when the model is loaded",
	"TorchModuleWrapper": "holds a pickle that is loaded with the model",
	"TFSMLayer":          "loads another model, with operations of any kind",
	"JaxLayer":           "calls a function that the model names",
	"FlaxLayer":          "calls a function that the model names",
	"TensorFlowOpLayer":  "runs an operation of TensorFlow that the model names",
	"InstanceMethod":     "calls a method that the model names",
	"ClassMethod":        "calls a method that the model names",
}

// kerasModules are Keras' modules that hold classes for configurations, below "keras." and "keras.src.".
var kerasModules = []string{
	"activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "losses", "metrics", "mixed_precision",
	"models", "ops", "optimizers", "quantizers", "random", "regularizers",
}

// kerasData are values that no class is made for.
var kerasData = []string{"__tuple__", "__bytes__", "__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"}

var kerasClass = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,63}$`) })

// kerasJSON scans a configuration.
func (s *scanner) kerasJSON(location string, in io.Reader) {
	err := walkJSON(in, jsonVisitor{
		want:   kerasWanted,
		object: func(texts map[string]string) { s.kerasObject(location, texts) },
		text: func(key, value string) {
			s.suspicious(location, value)
			if isBytecode(value) {
				s.add("keras-lambda", hallmark.SeverityCritical, location, "%.40q holds Python code in its compiled form", key)
			}
		},
	})
	if err != nil {
		s.cannotParse(location, "the configuration: %v", err)
	}
}

// isBytecode recognises a code object of CPython's marshal format in base64, which is how Keras writes functions.
func isBytecode(text string) bool {
	if len(text) < 64 || !strings.HasPrefix(text, "4") && !strings.HasPrefix(text, "Yw") {
		return false
	}
	head, err := base64.StdEncoding.DecodeString(text[:32])
	return err == nil && (head[0] == 0xe3 || head[0] == 'c') && head[2] == 0 && head[3] == 0 // the count of arguments
}

// kerasObject looks at the texts of one object of a configuration.
func (s *scanner) kerasObject(location string, o map[string]string) {
	class, hasClass := o["class_name"]
	if hasClass {
		s.kerasClass(location, class, o)
	} else if module, ok := o["module"]; ok && !kerasModule(module) {
		s.add("keras-module", hallmark.SeverityCritical, location, "loading the model imports %.80q", module)
	}
	if path, ok := o["vocabulary"]; ok {
		s.add("keras-file", hallmark.SeverityCritical, location, "loading the model reads file %.80q as a vocabulary", path)
	}
	if path, ok := o["filepath"]; ok {
		s.add("keras-file", hallmark.SeverityCritical, location, "loading the model reads file %.80q", path)
	}
	if name := o["function"]; name != "" {
		s.kerasOperation(location, name)
	}
	if o["function_type"] != "" {
		s.add("keras-lambda", hallmark.SeverityCritical, location, "the configuration is one of a Lambda layer")
	}
}

func (s *scanner) kerasClass(location, class string, o map[string]string) {
	if why, ok := kerasCode[class]; ok {
		rule := "keras-code-layer"
		if strings.EqualFold(strings.Trim(class, "_"), "lambda") {
			rule = "keras-lambda"
		}
		s.add(rule, hallmark.SeverityCritical, location, "class %.80q %s", class, why)
		return
	}
	module, hasModule := o["module"]
	switch {
	case class == "function":
		s.kerasFunction(location, o["config"], module)
	case class == "TFOpLambda" || class == "SlicingOpLambda": // the operation stands in their configuration
	case class == "__typespec__":
		if !strings.HasPrefix(module, "tensorflow.python.framework.") || !strings.HasSuffix(o["spec_name"], "Spec") {
			s.add("keras-module", hallmark.SeverityCritical, location, "loading the model imports %.80q from %.80q", o["spec_name"], module)
		}
	case slices.Contains(kerasData, class):
	case !kerasClass().MatchString(class):
		s.add("keras-function", hallmark.SeverityCritical, location, "loading the model calls %.80q of %.80q", class, module)
	case hasModule && module != "" && !kerasModule(module):
		s.add("keras-module", hallmark.SeverityCritical, location, "loading the model imports %.80q for class %.80q", module, class)
	case !hasModule && !kerasBuiltin()[class]:
		s.add("keras-custom-class", hallmark.SeverityHigh, location, "class %.80q is none of Keras", class)
	}
	if name := o["registered_name"]; name != "" && name != class && class != "function" {
		s.add("keras-custom-class", hallmark.SeverityHigh, location, "class %.80q is looked up as %.80q, which is none of Keras", class, name)
	}
}

// kerasModule reports whether a module is one of Keras' for classes.
func kerasModule(module string) bool {
	if module == "keras" || module == "builtins" {
		return true
	}
	rest, ok := strings.CutPrefix(module, "keras.")
	if !ok {
		return false
	}
	rest = strings.TrimPrefix(rest, "src.")
	first, _, _ := strings.Cut(rest, ".")
	return slices.Contains(kerasModules, first)
}

// kerasFunction takes the functions that have names of their own in Keras: activations, losses and metrics.
func (s *scanner) kerasFunction(location, name, module string) {
	known := slices.Contains(strings.Fields(kerasFunctions), name)
	if !known || module != "" && module != "builtins" && !slices.Contains([]string{"keras.activations", "keras.losses", "keras.metrics"}, module) {
		s.add("keras-function", hallmark.SeverityCritical, location, "loading the model looks up function %.80q of module %.80q", name, module)
	}
}

var kerasMath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:__operators__|math|nn|linalg|signal|image|dtypes)\.[a-z0-9_.]{1,64}|[a-z0-9_]{1,32})$`)
})

// kerasFileOps are names that kerasMath lets pass and that are not mathematics.
var kerasFileOps = []string{"py_function", "numpy_function", "py_func", "load_library", "load_op_library", "print", "function", "map_fn", "import_graph_def", "gather_file"}

// kerasOperation takes operations of TensorFlow on tensors; tf.io, tf.raw_ops and others write files.
func (s *scanner) kerasOperation(location, name string) {
	if !kerasMath().MatchString(name) || slices.Contains(kerasFileOps, name) {
		s.add("keras-function", hallmark.SeverityCritical, location, "the model runs tf.%.80q", name)
	}
}
