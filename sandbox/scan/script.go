package scan

import (
	"bufio"
	"io"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// Scripts of a shell, lists of packages and notebooks, as data.

// scriptFile scans a script of a shell whole.
func (s *scanner) scriptFile() {
	s.res.Format = FormatShell
	src := s.wholeText()
	s.add("script", hallmark.SeverityInfo, s.name, "the file is a script")
	s.shell(s.name, src)
}

// wholeText reads a text of at most maxScript bytes.
func (s *scanner) wholeText() string {
	if s.size > maxScript {
		s.cannotParse(s.name, "a text of %d bytes is over the limit", s.size)
		return ""
	}
	src, err := io.ReadAll(s.section(0, s.size))
	if err != nil {
		return "" // kept by the reader
	}
	return string(src)
}

var (
	plainSource = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?im)^[^#\n]*(?:--(?:extra-)?index-url|-i|--find-links|-f)?[ =@]*http://[^\s#]+|^\s*--trusted-host\b[^\n]*`)
	})
	directSource = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?im)^[^#\n]*(?:\b(?:git|hg|svn|bzr)\+[a-z]+://|--(?:extra-)?index-url\b|--find-links\b|@\s*https?://|^\s*https?://|(?:-r|-c|-f|--requirement|--constraint)[ =]*https?://|@\s*file:|^\s*-e\b)[^\n#]*`)
	})
	// otherIndex is where all packages come from, those of the usual names too.
	otherIndex = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?im)^[ \t-]*(?:--index-url|--extra-index-url|-i|--requirement|-r)[ =]*(https?://[^\s#"']+)`)
	})
	knownIndex = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^https://(?:pypi\.org|files\.pythonhosted\.org|test\.pypi\.org|download\.pytorch\.org|pypi\.nvidia\.com|pypi\.ngc\.nvidia\.com|developer\.download\.nvidia\.com|storage\.googleapis\.com/jax-releases|data\.pyg\.org|download\.openmmlab\.com|huggingface\.github\.io|flashinfer\.ai|wheels\.vllm\.ai|pypi\.tuna\.tsinghua\.edu\.cn|mirrors\.aliyun\.com|pypi\.mirrors\.ustc\.edu\.cn)(?:[/:]|$)`)
	})
)

// maxRequirements bounds a list of packages, in bytes.
const maxRequirements = 1 << 20

// requirements scans a list of Python packages.
func (s *scanner) requirements() {
	if s.size > maxRequirements {
		s.cannotParse(s.name, "a list of packages of %d bytes is over the limit", s.size)
		return
	}
	src := s.wholeText()
	s.packages(src)
	if hit := plainSource().FindString(src); hit != "" {
		s.add("requirements-source", hallmark.SeverityHigh, s.name, "packages come over a connection that anybody may change: %.80q", strings.TrimSpace(hit))
	}
	if hit := directSource().FindString(src); hit != "" {
		s.add("requirements-source", hallmark.SeverityMedium, s.name, "packages come from elsewhere than the index: %.80q", strings.TrimSpace(hit))
	}
}

// packages reports an index that is none of the usual ones: it may give another package under any name. A line that ends in a
// backslash goes on behind its end.
func (s *scanner) packages(src string) {
	for _, m := range otherIndex().FindAllStringSubmatch(continuedLine().ReplaceAllString(src, ""), 100) {
		if !knownIndex().MatchString(m[1]) {
			s.add("requirements-source", hallmark.SeverityHigh, s.name, "packages come from %.80q", m[1])
		}
	}
}

var continuedLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\\r?\n`) })

var (
	activeHTML = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)<(?:script|iframe|object|embed|base|meta\s+http-equiv)\b|\bon(?:error|load|click|mouseover|focus)\s*=|javascript:`)
	})
	shellMagic = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^\s*(?:!{1,2}|%%(?:bash|sh|script|cmd|system|perl|ruby)\b|%(?:system|sx)\b)[^\n]*`)
	})
)

// maxCell bounds one cell of a notebook, in bytes.
const maxCell = 4 << 20

// notebook scans the cells of a notebook and what they printed.
//
// Source: the description of the notebook format, nbformat 4.
func (s *scanner) notebook() {
	s.res.Format = FormatNotebook
	var cell strings.Builder
	cells := 0
	v := jsonVisitor{want: map[string]bool{"cell_type": true}}
	v.text = func(key, value string) {
		switch key {
		case "source", "input":
			if cell.Len()+len(value) <= maxCell {
				cell.WriteString(value)
			} else {
				s.cannotParse(s.name, "a cell of more than %d bytes", maxCell)
			}
		case "text/html", "image/svg+xml", "text/markdown":
			s.activeHTML(value)
		case "application/javascript":
			s.add("notebook-active-output", hallmark.SeverityMedium, s.name, "an output holds a script that runs where the notebook is trusted")
		}
	}
	v.object = func(texts map[string]string) {
		kind, ok := texts["cell_type"]
		if !ok {
			return
		}
		cells++
		s.cell(kind, cell.String())
		cell.Reset()
	}
	if err := walkJSON(bufio.NewReader(s.section(0, s.size)), v); err != nil {
		s.cannotParse(s.name, "the notebook: %v", err)
	} else if cells == 0 {
		s.add("notebook-empty", hallmark.SeverityInfo, s.name, "the notebook has no cells")
	}
}

func (s *scanner) activeHTML(text string) {
	if hit := activeHTML().FindString(text); hit != "" {
		s.add("notebook-active-output", hallmark.SeverityMedium, s.name, "a text of the notebook is active where the notebook is trusted: %.40q", hit)
	}
}

func (s *scanner) cell(kind, src string) {
	if kind != "code" {
		s.activeHTML(src)
		return
	}
	for _, magic := range shellMagic().FindAllString(src, 100) {
		s.add("notebook-shell", hallmark.SeverityInfo, s.name, "a cell runs a command: %.80q", strings.TrimSpace(magic))
	}
	s.shell(s.name, src)
	if strings.HasPrefix(strings.TrimSpace(src), "%%") { // another language
		return
	}
	p := &pyFile{s: s, location: s.name, role: pyScript, imports: map[string]string{}}
	_ = p.source(withoutMagic(src)) // a cell that is not Python does nothing when the notebook is opened
}

// withoutMagic empties the lines of a cell that are commands to the notebook and no Python.
func withoutMagic(src string) string {
	var b strings.Builder
	for line := range strings.Lines(src) {
		text := strings.TrimSpace(line)
		if text != "" && strings.IndexByte("!%?", text[0]) < 0 && text[len(text)-1] != '?' {
			b.WriteString(line)
		} else if strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// scripts are names by which a text is more than a text. It reports whether the text was one.
func (s *scanner) scripts(head []byte) {
	name := strings.ToLower(path.Base(s.name))
	first, _, _ := strings.Cut(string(head[:min(len(head), 256)]), "\n")
	interpreter := strings.HasPrefix(first, "#!")
	if interpreter && weightNames[path.Ext(name)] {
		s.add(RuleExecutable, hallmark.SeverityHigh, s.name, "a file named as weights is a script for %.80q", strings.TrimSpace(first[2:]))
	}
	switch ext := path.Ext(name); {
	case ext == ".py", ext == ".pyw", ext == ".pyi", interpreter && strings.Contains(first, "python"):
		s.python()
	case ext == ".ipynb":
		s.notebook()
	case ext == ".sh", ext == ".bash", ext == ".zsh", ext == ".ksh", interpreter:
		s.scriptFile()
	case strings.HasPrefix(name, "requirements") && ext == ".txt", name == "constraints.txt":
		s.requirements()
	case name == "dockerfile", name == "makefile", ext == ".toml":
		s.shell(s.name, s.wholeText())
	case isYAML(name):
		src := s.wholeText()
		s.shell(s.name, src)
		s.yaml(src)
		s.packages(src)
	case ext == ".pbtxt", ext == ".prototxt":
		s.prototext(s.wholeText())
	case windowsScript[ext]:
		s.add("program", hallmark.SeverityHigh, s.name, "a file named %q is run when it is opened", ext)
	case ranWhereItLies()[name]:
		s.add("script", hallmark.SeverityHigh, s.name, "a program that is started in this directory runs the file")
	}
	s.declared(head)
}

// ranWhereItLies are files that a program runs, or takes its settings from, because they lie in the directory that it is
// started in.
var ranWhereItLies = sync.OnceValue(func() map[string]bool {
	return words(".rprofile .renviron .pdbrc .gdbinit .lldbinit .envrc .exrc .vimrc .nvimrc .lvimrc .bashrc .bash_profile .profile .zshrc .pypirc .npmrc .yarnrc")
})

// xmlEntity is a declaration of a part of an XML document that stands elsewhere, or that is repeated where it is named.
var xmlEntity = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`<!ENTITY\b|<!DOCTYPE\s+\S+\s+SYSTEM\s+["'](?:https?://www\.w3\.org/|http://www\.dmg\.org/)?[^"']*["']`)
})

var xmlElement = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<[A-Za-z_:]`) })

// serialized begins what R writes as text: its reader makes objects of any class, whose promises are evaluated
// (CVE-2024-27322).
var serialized = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:RD[AX][0-9]+\r?\n)?A\r?\n[23]\r?\n[0-9]+\r?\n`) })

// declared looks at the beginning of a text for what makes it more than one.
func (s *scanner) declared(head []byte) {
	if serialized().Match(head) {
		s.add(RuleUnknownFormat, hallmark.SeverityHigh, s.name, "the text holds objects of R, which are not looked into")
	}
	if trimmed := strings.TrimLeft(string(head), " \t\r\n\ufeff"); !strings.HasPrefix(trimmed, "<") {
		return
	}
	if len(head) == sniffText && !xmlElement().Match(head) {
		s.cannotParse(s.name, "the first element is further behind than %d bytes", len(head))
	}
	for _, hit := range xmlEntity().FindAllString(string(head), 100) {
		if !strings.Contains(hit, "http://www.dmg.org/") && !strings.Contains(hit, "://www.w3.org/") {
			s.add("xml-entity", hallmark.SeverityHigh, s.name, "the document declares a part that its reader takes from elsewhere or repeats: %.80q", hit)
			return
		}
	}
}

// weightNames end the names of files that hold weights, of no one format; the others are compared with the content.
var weightNames = map[string]bool{
	".bin": true, ".dat": true, ".ckpt": true, ".model": true, ".weights": true, ".params": true, ".msgpack": true, ".mar": true, ".ot": true, ".data": true,
}

var windowsScript = map[string]bool{
	".bat": true, ".cmd": true, ".ps1": true, ".vbs": true, ".vbe": true, ".js": true, ".jse": true, ".wsf": true, ".hta": true, ".reg": true, ".lnk": true, ".scr": true,
	".desktop": true, ".command": true, ".applescript": true, ".url": true, ".inf": true, ".scf": true, ".sct": true, ".wsc": true, ".ws": true, ".vb": true,
	".psm1": true, ".psd1": true, ".pif": true, ".jnlp": true, ".terminal": true, ".library-ms": true, ".search-ms": true, ".settingcontent-ms": true,
	".appref-ms": true, ".mobileconfig": true, ".service": true, ".plist": true,
}
