package scan

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// YAML may name what its reader makes or calls: by tags, which Python's, Ruby's and Java's readers resolve to classes
// (CVE-2020-14343, CVE-2022-1471), and by members that libraries give a meaning. The text is not parsed: what looks like a tag
// or such a member is looked at wherever it stands, and what cannot be read as a plain name is refused.

var (
	yamlTag = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)(?:^|[\s\[{,:\-?])!(<[^>\n]*>|[^\s,\[\]{}"'=]*)`)
	})
	// yamlTarget is the name of a member that names a callable.
	yamlTarget = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[\s{,"'?\-])(_target_|target|class_path|loader_module|model_code_path)["']?\s*:(?:[\s"'&!>|]|$)`)
	})
	yamlComment   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[ \t]*#[^\n]*$`) })
	yamlEscaped   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"((?:[^"\\\n]|\\.)*\\(?:[^"\\\n]|\\.)*)"\s*:`) })
	yamlDirective = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^%TAG\b`) })
	yamlPython    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^python/(none|bool|str|unicode|bytes|int|long|float|complex|list|tuple|dict)$`)
	})
	yamlObject = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^python/(name|object|object/apply|object/new):([A-Za-z_][\w.]*)\.(\w+)$`)
	})
)

// yamlCore are the tags of YAML's own types.
var yamlCore = sync.OnceValue(func() map[string]bool {
	return words("str int float bool null map seq set omap pairs binary timestamp merge value")
})

// yamlNames are files in YAML without an extension that says so.
var yamlNames = sync.OnceValue(func() map[string]bool { return words("mlmodel dvc.lock") })

func isYAML(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml" || ext == ".dvc" || yamlNames()[name]
}

// yaml looks through a text in YAML.
func (s *scanner) yaml(src string) {
	src = yamlComment().ReplaceAllString(src, "")
	if yamlDirective().MatchString(src) {
		s.add(ruleConfigCall, hallmark.SeverityHigh, s.name, "a directive gives tags another meaning")
	}
	for _, m := range yamlTag().FindAllStringSubmatch(src, maxYAMLTags) {
		s.yamlTag(m[1])
	}
	for _, at := range yamlTarget().FindAllStringSubmatchIndex(src, maxYAMLTags) {
		_, rest, _ := strings.Cut(src[at[3]:min(len(src), at[3]+yamlWindow)], ":")
		s.yamlTarget(src[at[2]:at[3]], yamlScalar(rest))
	}
	for _, m := range yamlEscaped().FindAllStringSubmatch(src, maxYAMLTags) {
		if key, err := strconv.Unquote(`"` + m[1] + `"`); err != nil || slices.Contains([]string{"_target_", "target", "class_path", "loader_module"}, key) {
			s.add(ruleConfigCall, hallmark.SeverityHigh, s.name, "the name %.40q of a member is spelled with escapes", m[1])
		}
	}
}

const (
	maxYAMLTags = 10000 // of a file that are looked at
	yamlWindow  = 4096  // bytes of a value that are looked at
)

// yamlScalar is the text that follows a colon, on its line or, if nothing is there, on the next: plain, in quotes or folded.
// A list or an object gives nothing.
func yamlScalar(rest string) string {
	line, after, _ := strings.Cut(rest, "\n")
	line = strings.TrimSpace(line)
	for strings.HasPrefix(line, "&") || strings.HasPrefix(line, "!") { // an anchor, a tag
		_, line, _ = strings.Cut(line, " ")
		line = strings.TrimSpace(line)
	}
	if line == "" || line[0] == '>' || line[0] == '|' || line[0] == '#' {
		for line = ""; line == "" && after != ""; line = strings.TrimSpace(line) {
			line, after, _ = strings.Cut(after, "\n")
		}
		if strings.HasPrefix(line, "-") || strings.HasSuffix(line, ":") || strings.Contains(line, ": ") {
			return ""
		}
	}
	return yamlPlain(line)
}

// yamlPlain is the text that a line begins with, without what stands behind it.
func yamlPlain(line string) string {
	switch {
	case strings.HasPrefix(line, `"`):
		quoted, err := strconv.QuotedPrefix(line)
		if text, broken := strconv.Unquote(quoted); err == nil && broken == nil {
			return text
		}
		return line
	case strings.HasPrefix(line, "'"):
		text, _, _ := strings.Cut(line[1:], "'")
		return text
	}
	line, _, _ = strings.Cut(line, " #")
	if at := strings.IndexAny(line, ",}]"); at >= 0 {
		line = line[:at]
	}
	return strings.TrimSpace(line)
}

func (s *scanner) yamlTarget(key, value string) {
	switch key {
	case "_target_":
		if value != "" {
			s.target(key, value, false)
		}
	case "loader_module":
		if !isModule(value, "mlflow") {
			s.add("config-remote-code", hallmark.SeverityHigh, key, "loading the model imports module %.80q", value)
		}
	case "model_code_path":
		if value != "null" && value != "" {
			s.add("config-remote-code", hallmark.SeverityHigh, key, "loading the model runs file %.80q", value)
		}
	default:
		s.target(key, value, true)
	}
}

func (s *scanner) yamlTag(tag string) {
	if plain, err := url.PathUnescape(tag); err == nil {
		tag = plain
	}
	if verbatim, ok := strings.CutPrefix(tag, "<"); ok {
		tag = strings.TrimSuffix(verbatim, ">")
	}
	core, ok := strings.CutPrefix(tag, "tag:yaml.org,2002:")
	if !ok {
		core, ok = strings.CutPrefix(tag, "!")
	}
	if ok {
		s.yamlCoreTag(core)
		return
	}
	kind, target, ok := strings.Cut(tag, ":")
	switch {
	case !ok:
	case kind == "new" || kind == "apply" || kind == "name" || kind == "module":
		if why := hostileTarget(target); why != "" {
			s.add(ruleConfigCall, hallmark.SeverityCritical, s.name, "reading the file calls or imports %.80q, %s", target, why)
		}
	case kind == "include":
		if insidePath(target) != nil {
			s.add("metadata-path", hallmark.SeverityHigh, s.name, "the file takes in %.80q, outside of the model's directory", target)
		}
	}
}

// yamlCoreTag looks at a tag that is YAML's own or one of a language: those make objects.
func (s *scanner) yamlCoreTag(tag string) {
	if yamlCore()[tag] || yamlPython().MatchString(tag) || !strings.ContainsAny(tag, "/.:") {
		return
	}
	if m := yamlObject().FindStringSubmatch(tag); m != nil {
		uses, full := allowedGlobals()[m[2]+"\n"+m[3]], m[2]+"."+m[3]
		if uses != 0 && !directOnly[full] && (m[1] == "name" || argumentChecks[full] == nil || full == "numpy.dtype") {
			return
		}
	}
	s.add(ruleConfigCall, hallmark.SeverityCritical, s.name, "reading the file makes or calls what tag %.80q names", tag)
}
