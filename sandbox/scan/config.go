package scan

import (
	"bufio"
	"errors"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// Configurations that stand beside the weights, in the layouts of the usual libraries. They are data, but some of them name
// code: a class to import, a function to call, a template to render.

// maxConfigJSON bounds the JSON of any name that is looked through for code that it names, in bytes. Larger ones are data.
const maxConfigJSON = 16 << 20

// configNames are JSON files that a library reads when it loads a model: they have to be in order.
func configName(name string) bool {
	switch name {
	case "chat_template.json", "model_index.json", "modules.json", "schema.json", ".zarray", ".zmetadata", "zarr.json":
		return true
	}
	return strings.HasSuffix(name, "config.json") || strings.HasSuffix(name, ".index.json")
}

// configJSON looks through a JSON file for code that it names. A file that no library reads by its name may be of any form.
func (s *scanner) configJSON(looksJSON bool) { //nolint:revive // looksJSON is what the text begins with
	name := strings.ToLower(path.Base(s.name))
	known := configName(name)
	if !known && (!looksJSON || s.size > maxConfigJSON || path.Ext(name) == ".jsonl" || path.Ext(name) == ".ipynb") {
		return
	}
	c := &configReader{scanner: s, name: name, known: known}
	err := walkJSON(bufio.NewReader(s.section(0, s.size)), jsonVisitor{
		member: c.text, under: c.inside, inside: configInside, truth: c.truth, object: c.object, want: configWanted, twice: !known,
	})
	if err != nil && (known || errors.Is(err, errLimit)) {
		s.cannotParse(s.name, "the configuration: %v", err)
	}
	if c.keras {
		s.kerasJSON(s.name, s.section(0, s.size))
	}
}

// A configReader looks at the texts of one configuration.
type configReader struct {
	*scanner
	name  string // in lower case, without directories
	known bool   // a library reads it by its name
	keras bool   // it holds a model of Keras
}

var (
	configInside = map[string]bool{"auto_map": true, "custom_pipelines": true, "chat_template": true}
	configWanted = map[string]bool{"class_name": true, "__module__": true, "__class__": true, "__loader__": true}
)

func (c *configReader) inside(name, key, value string) {
	switch {
	case name != "chat_template":
		c.remoteCode(name, value)
	case c.known && (key != "name" || name == key):
		c.chatTemplate(key, value)
	}
}

func (c *configReader) truth(key string, value bool) { //nolint:revive // value is what the document holds
	if key == "trust_remote_code" && value {
		c.add("config-remote-code", hallmark.SeverityMedium, key, "the configuration asks to run code from the model's repository")
	}
}

// symbolic are the expressions of sizes in exported programs of torch, which are evaluated as Python.
var symbolic = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[su]\d+|\d+|\s|[-+*/(),]|Mod|FloorDiv|CleanDiv|CeilDiv|PythonMod|Max|Min|Pow|IntTrueDiv|ToFloat|TruncToInt|Eq|Ne|Lt|Le|Gt|Ge|int_oo|zoo|oo|-)*$`)
})

// expression begins what a library evaluates.
var expression = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\$[^({]`) })

// text looks at one text: top is the member of the document that it is in.
func (c *configReader) text(top, key, value string) {
	switch {
	case key == "_target_":
		c.target(key, value, false)
	case c.known && (key == "target" || key == "class_path"):
		c.target(key, value, true)
	case key == "expr_str" && !symbolic().MatchString(value):
		c.add(ruleConfigCall, hallmark.SeverityCritical, key, "the expression %.80q is evaluated when the program is loaded", value)
	case expression().MatchString(value) && suspiciousCode().MatchString(value):
		c.add(ruleConfigCall, hallmark.SeverityHigh, key, "the expression %.80q is evaluated by the library that reads the configuration", value)
	case strings.HasSuffix(key, "attn_implementation") && strings.Contains(value, "/"):
		c.add("config-remote-code", hallmark.SeverityHigh, key, "the layers' code is loaded from repository %.80q", value)
	}
	switch {
	case strings.HasSuffix(c.name, "config.json"):
		c.adapter(key, value)
		c.controls(key, value)
	case c.name == "modules.json" && key == "type":
		c.sentenceModule(value)
	case c.name == "model_index.json" && !strings.HasPrefix(key, "_"):
		c.component(key, value)
	case strings.HasSuffix(c.name, ".index.json") && top == "weight_map" && insidePath(value) != nil:
		c.add("metadata-path", hallmark.SeverityHigh, key, "the weights are taken from file %.80q, outside of the model's directory", value)
	case strings.HasPrefix(c.name, ".z") || c.name == "zarr.json":
		if (key == "id" || key == "name") && strings.Contains(value, "pickle") {
			c.add(ruleConfigCall, hallmark.SeverityCritical, key, "reading the array loads its parts as pickles")
		}
	}
}

// adapter looks at members that name a module to import.
func (c *configReader) adapter(key, value string) {
	switch {
	case key == "parent_library" && !isModule(value, "transformers", "diffusers", "peft", "timm", "sentence_transformers"),
		key == "megatron_core" && value != "megatron.core":
		c.add("config-remote-code", hallmark.SeverityHigh, key, "loading the adapter imports module %.80q", value)
	}
}

// sentenceModule looks at a class that is imported for a step of a sentence embedding.
func (c *configReader) sentenceModule(value string) {
	switch {
	case isModule(value, "sentence_transformers", "pylate"):
	case onlyName().MatchString(value) && strings.Count(value, ".") <= 1 && !stdlib()[beforeDot(value)]:
		c.remoteCode("type", value)
	default:
		c.add("config-remote-code", hallmark.SeverityHigh, "type", "loading the model imports %.80q", value)
	}
}

// component looks at the library or class of a part of a diffusion model: libraries are imported.
func (c *configReader) component(key, value string) {
	if value == "" || value[0] >= 'A' && value[0] <= 'Z' || isModule(value, "diffusers", "transformers") {
		return
	}
	if !onlyName().MatchString(value) || strings.Contains(value, ".") || stdlib()[value] || runsCode()[value] {
		c.add("config-remote-code", hallmark.SeverityHigh, key, "loading the model imports %.80q", value)
	}
}

// object looks at the texts of one object: what class it is of.
func (c *configReader) object(texts map[string]string) {
	switch texts["class_name"] {
	case "Sequential", "Functional", "Model":
		c.keras = true
	}
	if _, is := texts["__loader__"]; is {
		c.skops(texts["__module__"], texts["__class__"])
	}
}

// skopsTypes are what files of skops name beside what pickles of estimators do.
var skopsTypes = map[string]bool{
	"numpy.random.mtrand\nRandomState": true, "numpy.random._generator\nGenerator": true, "builtins\nNoneType": true, "builtins\ntype": true,
	"numpy\nufunc": true, "scipy.special._ufuncs\nufunc": true, "numpy\nRandomState": true,
}

// skops looks at one object of skops' format, which names the class that it makes, or the function that it calls.
//
// Source: the io package of skops.
func (c *configReader) skops(module, class string) {
	name := module + "\n" + class
	if allowedGlobals()[name] == 0 && !skopsTypes[name] {
		c.add("skops-type", hallmark.SeverityCritical, c.scanner.name, "loading the file imports or calls %.80q of %.80q, which is not on the list of what weights need", class, module)
	}
}

// remoteCode looks at a class that a configuration brings: "file.Class", of a file beside it, or of another repository
// after "--".
func (s *scanner) remoteCode(key, value string) {
	if repository, class, other := strings.Cut(value, "--"); other {
		s.add("config-remote-code", hallmark.SeverityCritical, key, "class %.80q is loaded from repository %.80q", class, repository)
		return
	}
	if strings.ContainsAny(value, "/\\:") || strings.Contains(value, "..") {
		s.add("config-remote-code", hallmark.SeverityCritical, key, "class %.80q is loaded from outside of the model's directory", value)
		return
	}
	s.add("config-remote-code", hallmark.SeverityMedium, key, "class %.80q of the model's repository is loaded where that is allowed", value)
}
