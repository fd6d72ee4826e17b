package scan

import (
	"cmp"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// Python files are data to the scanner: nothing is imported. What counts is whether a file runs when a model is loaded, and
// whether it hides what it does.

// Bounds of a script.
const (
	maxScript     = 16 << 20 // bytes
	maxPyLine     = 1 << 14  // tokens of a logical line that are looked at together
	maxPyDepth    = 4        // strings with expressions in one another
	longEncoded   = 512      // bytes of an encoded literal
	maxPyImports  = 1 << 12
	pyCallWindow  = 64 // tokens of a name with dots
	maxPyFindings = 40
)

// pyRole is how a file comes to run.
type pyRole uint8

const (
	pyLoaded pyRole = iota // a library imports it when it loads the model
	pyModule               // others may import it
	pyScript               // somebody starts it
)

// loadedNames are files that libraries run for a model: the classes of auto_map, packages, set-up.
var loadedNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:modeling|configuration|tokenization|processing|image_processing|video_processing|feature_extraction|generation|modular|pipeline)(?:_.*)?|handler|model|__init__|setup|sitecustomize|usercustomize|conftest|generate|hubconf)\.py$`)
})

// scriptNames are files that somebody starts on purpose.
var scriptNames = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:train|finetune|fine_tune|pretrain|sft|dpo|grpo|rlhf|convert|export|eval|evaluate|test|run|gen|generate|make|build|demo|app|example|inference|infer|predict|serve|benchmark|bench|prepare|preprocess|plot|download|upload|quantize|merge)(?:[_-].*|[0-9]*)?\.py$`)
})

func roleOf(name string) pyRole {
	switch base := strings.ToLower(path.Base(name)); {
	case loadedNames().MatchString(base):
		return pyLoaded
	case scriptNames().MatchString(base):
		return pyScript
	}
	return pyModule
}

// pyCalls are functions and modules that run programs or code, or take the process over, as import paths; a module stands for
// all that is in it.
var pyCalls = []string{
	"exec", "eval", "compile", "__import__", "breakpoint", "execfile",
	"os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.startfile", "os.dup2", "os.putenv",
	"posix.system", "nt.system", "subprocess", "popen2", "commands", "pty", "socket", "ctypes", "cffi", "runpy", "code.interact", "code.InteractiveInterpreter",
	"builtins.exec", "builtins.eval", "builtins.compile", "builtins.__import__", "marshal.loads", "marshal.load", "types.FunctionType", "types.CodeType",
	"asyncio.create_subprocess", "multiprocessing.popen_", "webbrowser", "telnetlib", "paramiko", "importlib.util.spec_from_file_location", "imp.load_source", "winreg", "antigravity",
	"importlib.machinery.SourceFileLoader", "importlib.machinery.SourcelessFileLoader", "importlib.machinery.ExtensionFileLoader", "imp.load_dynamic", "imp.load_module", "imp.load_compiled",
	"zipimport", "pydoc.locate", "pydoc.pipepager", "pydoc.tempfilepager", "timeit.timeit", "timeit.repeat", "cProfile.run", "profile.run", "pdb.run", "bdb", "codeop", "code.InteractiveConsole",
	"distutils.spawn", "setuptools.sandbox", "pip.main", "pip._internal", "ensurepip", "_posixsubprocess", "_ctypes", "platform.popen", "site.addsitedir", "pickle.loads", "dill.loads",
	"cloudpickle.loads", "yaml.unsafe_load", "torch.ops.load_library", "torch.classes.load_library", "torch.utils.cpp_extension.load", "torch.utils.cpp_extension.load_inline",
	"tensorflow.load_op_library", "tensorflow.load_library", "logging.config.dictConfig", "subprocess32", "psutil.Popen", "pexpect", "plumbum",
}

// pyPassed are functions that are not called where they are named: something else calls them.
var pyPassed = []string{
	"exec", "eval", "__import__", "os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.startfile", "posix.system", "nt.system",
	"subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.getoutput", "subprocess.getstatusoutput",
	"pty.spawn", "runpy.run_path", "runpy.run_module", "builtins.exec", "builtins.eval", "builtins.__import__", "marshal.loads", "pickle.loads", "types.FunctionType", "types.CodeType",
	"importlib.import_module",
}

// pyHostileModules are looked up by name to hide which of their functions is meant.
var pyHostileModules = []string{"os", "subprocess", "builtins", "__builtins__", "socket", "ctypes", "pty", "marshal", "posix", "nt"}

// pyLookups take a module or an object's attribute by a name that is a value.
var pyLookups = []string{"getattr", "importlib.import_module", "vars", "operator.attrgetter", "operator.methodcaller", "importlib.__import__", "importlib.reload"}

// pyDecoders turn text into what it hides.
var pyDecoders = []string{
	"base64", "binascii", "zlib.decompress", "bz2.decompress", "lzma.decompress", "gzip.decompress", "codecs.decode", "bytes.fromhex", "marshal.loads", "bytearray.fromhex", "chr",
}

var pyRunners = []string{"exec", "eval", "compile", "__import__", "builtins.exec", "builtins.eval", "builtins.compile", "execfile"}

// pyInternals lead from any object to the interpreter's.
var pyInternals = []string{"__subclasses__", "__builtins__", "__globals__", "__bases__", "__mro__", "f_globals", "gi_frame", "__code__"}

// A pyFile is the state of a scan of one source.
type pyFile struct {
	s        *scanner
	location string
	role     pyRole
	imports  map[string]string // local name to import path
	blocks   []pyBlock
	encoded  int  // line of a long encoded literal, or 0
	runs     bool // code is run from a text somewhere
	found    int
}

// A pyBlock is a block by how far it is indented.
type pyBlock struct {
	column int
	later  bool // it does not run when the file is imported
	opens  bool // its first line has not come yet
}

// python scans a file that is one source.
func (s *scanner) python() {
	s.res.Format = FormatPython
	if s.size > maxScript {
		s.cannotParse(s.name, "a script of %d bytes is over the limit", s.size)
		return
	}
	src, err := io.ReadAll(s.section(0, s.size))
	if err != nil {
		return // kept by the reader
	}
	s.pythonSource(s.name, string(src), roleOf(s.name))
}

var pyCoding = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`) })

func (s *scanner) pythonSource(location, src string, role pyRole) {
	p := &pyFile{s: s, location: location, role: role, imports: map[string]string{}}
	first := src
	for range 2 {
		line, rest, _ := strings.Cut(first, "\n")
		if m := pyCoding().FindStringSubmatch(line); m != nil && !slices.Contains([]string{"utf-8", "utf8", "ascii", "us-ascii", "latin-1", "iso-8859-1", "utf-8-sig"}, strings.ToLower(strings.ReplaceAll(m[1], "_", "-"))) {
			s.add("python-obfuscation", hallmark.SeverityHigh, location, "the source is in encoding %.40q, under which it reads differently", m[1])
		}
		first = rest
	}
	if err := p.source(strings.TrimPrefix(src, "\ufeff")); err != nil {
		s.cannotParse(location, "Python: %v", err)
	}
	if p.encoded > 0 && p.runs {
		p.report("python-obfuscation", hallmark.SeverityHigh, p.encoded, "a long encoded text stands in a file that runs code from texts")
	}
}

// source looks at each logical line.
func (p *pyFile) source(src string) error {
	l := &pyLexer{src: src, line: 1}
	var line []pyToken
	for {
		t, ok, err := l.next()
		if err != nil {
			return err
		}
		if ok && t.kind != pyLine {
			line = append(line, t)
		}
		if !ok || t.kind == pyLine || len(line) >= maxPyLine {
			if len(line) > 0 {
				p.logical(line)
			}
			line = line[:0]
		}
		if !ok {
			return nil
		}
	}
}

// logical looks at one logical line.
func (p *pyFile) logical(line []pyToken) {
	column := line[0].column
	for n := len(p.blocks); n > 0; n = len(p.blocks) {
		if b := &p.blocks[n-1]; b.opens && column > b.column || column > b.column {
			b.opens = false
			break
		}
		p.blocks = p.blocks[:n-1]
	}
	later := len(p.blocks) > 0 && p.blocks[len(p.blocks)-1].later
	starts := startsLater(line)
	if line[len(line)-1].text == ":" && len(p.blocks) < 256 {
		p.blocks = append(p.blocks, pyBlock{column: column, later: later || starts, opens: true})
	}
	p.imported(line)
	p.calls(line, later || starts, 0)
}

// startsLater reports whether the body of a statement does not run when the file is imported: a function, or what is meant
// for a file that is started.
func startsLater(line []pyToken) bool {
	switch first := line[0].text; {
	case line[0].kind != pyName:
		return false
	case first == "def":
		return true
	case first == "async":
		return len(line) > 1 && line[1].text == "def"
	case first == "if":
		return len(line) == 6 && line[1].text == "__name__" && line[2].text == "=" && line[3].text == "=" && line[4].text == "__main__"
	}
	return false
}

// imported notes the names that an import binds.
func (p *pyFile) imported(line []pyToken) {
	for i, t := range line {
		if t.kind != pyName || t.text != "import" && t.text != "from" || i > 0 && line[i-1].text != ";" && line[i-1].text != ":" {
			continue
		}
		rest := line[i+1:]
		module := ""
		if t.text == "from" {
			module, rest = dotted(rest)
			if len(rest) == 0 || rest[0].text != "import" {
				continue
			}
			rest = rest[1:]
		}
		p.bind(module, rest)
	}
}

// bind notes "a.b as c, d" of an import from module.
func (p *pyFile) bind(module string, rest []pyToken) {
	for len(rest) > 0 && len(p.imports) < maxPyImports {
		if rest[0].text == "(" || rest[0].text == "," || rest[0].text == ")" {
			rest = rest[1:]
			continue
		}
		if rest[0].text == "*" && module != "" {
			for _, call := range pyCalls { // all names of the module
				if name, ok := strings.CutPrefix(call, module+"."); ok {
					p.imports[name] = call
				}
			}
			return
		}
		name, after := dotted(rest)
		if name == "" {
			return
		}
		local := name
		var full string
		if module != "" {
			full = module + "." + name
		} else {
			local, _, _ = strings.Cut(name, ".")
			full = local
		}
		rest = after
		if len(rest) > 1 && rest[0].text == "as" {
			local, rest = rest[1].text, rest[2:]
			if module == "" {
				full = name
			}
		}
		p.imports[local] = full
	}
}

// dotted reads a name with dots.
func dotted(line []pyToken) (string, []pyToken) {
	var b strings.Builder
	for i := 0; ; i++ {
		if i == len(line) || i >= pyCallWindow || line[i].kind != pyName && line[i].text != "." || i > 0 && line[i].kind == pyName && line[i-1].kind == pyName {
			return b.String(), line[i:]
		}
		if k := line[i].text; line[i].kind == pyName && (k == "import" || k == "as") {
			return b.String(), line[i:]
		}
		b.WriteString(line[i].text)
	}
}

// resolve replaces the first part of a name by what was imported under it.
func (p *pyFile) resolve(name string) string {
	first, rest, more := strings.Cut(name, ".")
	if full, ok := p.imports[first]; ok {
		first = full
	}
	if !more {
		return first
	}
	return first + "." + rest
}

// isCall reports whether a name is one of a list, or lies in a module that is.
func isCall(list []string, name string) bool {
	return slices.ContainsFunc(list, func(c string) bool {
		rest, ok := strings.CutPrefix(name, c)
		return ok && (rest == "" || rest[0] == '.' || strings.HasPrefix(c, "os.") || strings.HasSuffix(c, "_") || strings.HasSuffix(c, "create_subprocess"))
	})
}

// calls looks at the names and strings of a line.
func (p *pyFile) calls(line []pyToken, later bool, depth int) {
	var runs, decodes string
	for i := 0; i < len(line); i++ {
		t := line[i]
		if t.kind == pyString {
			p.literal(t, later, depth)
			continue
		}
		if t.kind != pyName {
			continue
		}
		p.identifier(t)
		if i > 0 && line[i-1].text == "." { // of something that is not known: model.eval()
			continue
		}
		name, rest := dotted(line[i:])
		name = p.resolve(name)
		called := len(rest) > 0 && rest[0].text == "(" && (i == 0 || line[i-1].text != "def" && line[i-1].text != "class")
		if called && isCall(pyRunners, name) {
			runs, p.runs = name, true
		}
		if isCall(pyDecoders, name) && called {
			decodes = name
		}
		switch {
		case called && isCall(pyCalls, name):
			p.call(name, rest, t.line, later)
		case called && slices.Contains(pyLookups, name):
			p.dynamic(name, rest, t.line, later)
		case strings.HasSuffix(name, ".__dict__") && slices.Contains(pyHostileModules, strings.TrimSuffix(name, ".__dict__")):
			p.call(name, rest, t.line, later)
		case name == "sys.modules" && len(rest) > 1 && rest[0].text == "[":
			p.dynamic(name, rest, t.line, later)
		case isCall(pyPassed, name) && passed(line, i, rest):
			p.call(name, nil, t.line, later)
		}
		i += max(0, len(line[i:])-len(rest)-1)
	}
	if runs != "" && decodes != "" {
		p.report("python-obfuscation", hallmark.SeverityCritical, line[0].line, "%s runs what %s decodes", runs, decodes)
	}
}

// call reports a call that runs programs or code.
func (p *pyFile) call(name string, rest []pyToken, line int, later bool) {
	if name == "compile" && len(rest) > 1 && rest[1].kind != pyString && p.role == pyScript {
		return
	}
	severity, when := hallmark.SeverityInfo, "when it is started"
	switch {
	case p.role == pyLoaded && !later:
		severity, when = hallmark.SeverityCritical, "when the model is loaded"
	case p.role == pyLoaded:
		severity, when = hallmark.SeverityHigh, "by a file that is loaded with the model"
	case p.role == pyModule && !later:
		severity, when = hallmark.SeverityHigh, "when it is imported"
	case p.role == pyModule:
		severity, when = hallmark.SeverityMedium, "by a function"
	}
	p.report("python-execution", severity, line, "%.80q is called %s", name, when)
}

// passed reports whether the name at i of a line, which rest follows, is a value there: a decorator, an argument, or what a
// variable is set to.
func passed(line []pyToken, i int, rest []pyToken) bool {
	if i == 0 {
		return false
	}
	switch first := line[0].text; {
	case first == "def" || first == "async" || first == "class" || first == "import" || first == "from":
		return false
	case first == "@" && i == 1:
		return true
	}
	if line[i-1].kind != pyOp || !strings.Contains("(,=[:", line[i-1].text) {
		return false
	}
	return len(rest) == 0 || rest[0].kind == pyOp && strings.Contains("),]};", rest[0].text)
}

// dynamic looks at names that are looked up by a text.
func (p *pyFile) dynamic(name string, rest []pyToken, line int, later bool) {
	joined := ""
	for i, t := range rest[1:min(len(rest), 16)] {
		if t.text == ")" || t.text == "]" {
			return
		}
		arg := t.text
		if t.kind == pyName {
			arg, _ = dotted(rest[1+i:])
			arg = p.resolve(arg)
		}
		if t.kind == pyString { // texts that stand side by side, or are added, are one
			joined += t.text
		} else if t.text != "+" {
			joined = ""
		}
		if slices.Contains(pyHostileModules, arg) || slices.Contains(pyHostileModules, joined) || joined == "system" || joined == "popen" {
			p.call(name+"("+cmp.Or(joined, arg)+")", nil, line, later)
			return
		}
	}
}

var encodedText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[A-Za-z0-9+/=_-]|\\x[0-9a-fA-F]{2}|\\n)+$`) })

// literal looks at a string: the expressions in it, names of the interpreter's insides, and whether it is encoded.
func (p *pyFile) literal(t pyToken, later bool, depth int) {
	if len(t.text) >= longEncoded && encodedText().MatchString(t.text) && p.encoded == 0 {
		p.encoded = t.line
	}
	if slices.Contains(pyInternals, t.text) && t.text != "__code__" {
		p.report("python-obfuscation", hallmark.SeverityHigh, t.line, "%.40q is named in a text", t.text)
	}
	if !t.format || depth >= maxPyDepth {
		return
	}
	for rest := t.text; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return
		}
		if rest = after; strings.HasPrefix(rest, "{") {
			rest = rest[1:]
			continue
		}
		inner, behind, _ := strings.Cut(rest, "}")
		l := &pyLexer{src: inner, line: t.line, open: 1}
		var line []pyToken
		for len(line) < maxPyLine {
			token, ok, err := l.next()
			if !ok || err != nil {
				break
			}
			line = append(line, token)
		}
		p.calls(line, later, depth+1)
		rest = behind
	}
}

// identifier reports names that read as others: Python takes characters for equal that look alike.
func (p *pyFile) identifier(t pyToken) {
	for _, r := range t.text {
		if r >= 0x80 && foldsToASCII(r) {
			p.report("python-obfuscation", hallmark.SeverityHigh, t.line, "the name %.80q is spelled with characters that Python reads as others", t.text)
			return
		}
	}
	if slices.Contains(pyInternals, t.text) && t.text != "__code__" && t.text != "__mro__" && t.text != "__bases__" {
		severity := hallmark.SeverityHigh
		if p.role == pyScript {
			severity = hallmark.SeverityInfo
		}
		p.report("python-obfuscation", severity, t.line, "%q leads to the interpreter's insides", t.text)
	}
}

// foldsToASCII reports whether compatibility normalisation (NFKC, Unicode annex 15) makes ASCII letters of r. The ranges are
// blocks that consist of such characters.
func foldsToASCII(r rune) bool {
	for _, b := range [][2]rune{
		{0xaa, 0xaa},
		{0xba, 0xba},
		{0x17f, 0x17f},
		{0x2b0, 0x2b8},
		{0x2e0, 0x2e3},
		{0x1d2c, 0x1d6a},
		{0x2070, 0x209c},
		{0x2100, 0x2138},
		{0x2145, 0x2149},
		{0x2160, 0x217f},
		{0x24b6, 0x24e9},
		{0xfb00, 0xfb06},
		{0xff21, 0xff3a},
		{0xff3f, 0xff5a},
		{0xfe33, 0xfe34},
		{0xfe4d, 0xfe4f},
		{0x1d400, 0x1d7ff},
	} {
		if r >= b[0] && r <= b[1] {
			return true
		}
	}
	return false
}

func (p *pyFile) report(rule string, severity hallmark.Severity, line int, format string, args ...any) {
	if p.found++; p.found <= maxPyFindings || severity == hallmark.SeverityCritical {
		p.s.add(rule, severity, p.location, "line %d: "+format, append([]any{line}, args...)...)
	}
}
