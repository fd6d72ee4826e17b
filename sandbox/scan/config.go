package scan

import (
	"bufio"
	"path"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Configurations that stand beside the weights, in the layout of the transformers library. They are data, but some of them
// name code: a class to import, a template to render.

// configJSON scans a JSON file whose name says that a library reads it when it loads a model; others are left alone.
func (s *scanner) configJSON() {
	name := strings.ToLower(path.Base(s.name))
	if !strings.HasSuffix(name, "config.json") && name != "chat_template.json" && name != "model_index.json" && name != "modules.json" {
		return
	}
	var v jsonVisitor
	v.member = func(top, key, value string) {
		switch {
		case key == "chat_template", top == "chat_template" && key != "name":
			s.chatTemplate(key, value)
		case top == "auto_map" || top == "custom_pipelines":
			s.remoteCode(top, value)
		default:
			s.controls(key, value)
		}
	}
	v.truth = func(key string, value bool) {
		if key == "trust_remote_code" && value {
			s.add("config-remote-code", hallmark.SeverityMedium, key, "the configuration asks to run code from the model's repository")
		}
	}
	if err := walkJSON(bufio.NewReader(s.section(0, s.size)), v); err != nil {
		s.cannotParse(s.name, "the configuration: %v", err)
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
