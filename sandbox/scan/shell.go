package scan

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// How far apart the parts of one command may stand, in bytes.
const (
	shellFetchGap  = 400
	shellDecodeGap = 200
	shellWindow    = 256 // of what is looked at behind a word
)

// A shellReader looks in a script for what nobody needs for a model: it runs what it fetches or decodes, or gives control
// away. It goes through the text once, from word to word, and keeps where the parts of a command were seen last.
type shellReader struct {
	src string

	stop, line           int // behind the last end of a command, or of a line
	fetch, decode        int // behind the last word that fetches or decodes; -1: none
	netcat, fifo         int
	pipe                 int  // the last pipe
	piped                bool // nothing but "sudo" since the pipe
	pipeFetch, pipeCoded int  // what stands before the pipe; -1: nothing
}

// shell scans a script of a shell, or a part of one.
func (s *scanner) shell(location, src string) {
	r := &shellReader{src: src, fetch: -1, decode: -1, netcat: -1, fifo: -1, pipe: -1, pipeFetch: -1, pipeCoded: -1}
	if hit := r.find(); hit != "" {
		s.add("shell-execution", hallmark.SeverityHigh, location, "the script runs what it fetches or decodes, or gives control away: %.80q", hit)
	}
}

func isShellWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// find returns the first hostile part, or nothing.
func (r *shellReader) find() string {
	for i := 0; i < len(r.src); {
		c := r.src[i]
		if !isShellWord(c) {
			r.mark(c, i)
			i++
			continue
		}
		start := i
		for i < len(r.src) && isShellWord(r.src[i]) {
			i++
		}
		if from := r.word(start, i); from >= 0 {
			return r.src[from:min(len(r.src), i+shellWindow)]
		}
		if r.piped && !strings.EqualFold(r.src[start:i], "sudo") {
			r.piped = false
		}
	}
	return ""
}

// mark notes a byte between words.
func (r *shellReader) mark(c byte, at int) {
	switch c {
	case '|':
		r.pipe, r.piped, r.pipeFetch, r.pipeCoded = at, true, -1, -1
		if r.fetch > r.stop && at-r.fetch <= shellFetchGap {
			r.pipeFetch = r.fetch
		}
		if r.decode > r.line && at-r.decode <= shellDecodeGap {
			r.pipeCoded = r.decode
		}
		r.stop = at + 1
	case '\n':
		r.stop, r.line = at+1, at+1
	case ';':
		r.stop = at + 1
	}
	switch c {
	case '|', '\n', ' ', '\t', '\r', '\\': // a pipe goes on behind a line break
	case '&': // of |&
		r.piped = r.piped && at == r.pipe+1
	default:
		r.piped = false
	}
}

// shellNames are shells that run what they read.
var shellNames = map[string]bool{"sh": true, "bash": true, "zsh": true, "dash": true, "ksh": true}

var (
	behindBase64 = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s+(?:-d|-D|--decode)`) })
	behindXXD    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s+-r`) })
	behindShell  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s+(?:-i\b|<\(\s*(?i:curl|wget))`) })
	behindEval   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^\s+"?\$\((?:curl|wget|base64|echo)`) })
	behindRM     = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s+-[A-Za-z]*[rR][A-Za-z]*\s+(?:--no-preserve-root\s+)?[/~](?:\s|$)`)
	})
	behindEtc = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/(?:cron|ld\.so\.preload|profile)`) })
)

// word looks at the word at [start, end). It returns where a hostile part begins, or -1.
func (r *shellReader) word(start, end int) int {
	if end-start > 32 {
		return -1
	}
	name := strings.ToLower(r.src[start:end])
	rest := r.src[end:min(len(r.src), end+shellWindow)]
	before := byte(0)
	if start > 0 {
		before = r.src[start-1]
	}
	switch {
	case strings.HasSuffix(name, "curl") || strings.HasSuffix(name, "wget") || strings.HasSuffix(name, "fetch"):
		r.fetch = end
	case name == "base64" && behindBase64().MatchString(rest), name == "xxd" && behindXXD().MatchString(rest):
		r.decode = end
	case name == "nc" && r.fifo > r.line && start-r.fifo <= shellDecodeGap:
		return r.fifo
	case name == "nc" || name == "ncat" || name == "netcat":
		r.netcat = end
	case name == "mkfifo":
		r.fifo = end
	case before == '-' && start > 1 && r.src[start-2] <= ' ' && name[len(name)-1] == 'e' && r.netcat > r.line && start-r.netcat <= shellDecodeGap:
		return r.netcat
	default:
		return r.runs(name, rest, start)
	}
	return -1
}

// runs looks at words that run something, or reach for what the system runs.
func (r *shellReader) runs(name, rest string, start int) int {
	hit := false
	switch {
	case shellNames[name]:
		if r.piped && (r.pipeFetch >= 0 || r.pipeCoded >= 0) {
			return max(r.pipeFetch, r.pipeCoded)
		}
		hit = behindShell().MatchString(rest)
	case name == "perl" || name == "ruby" || strings.HasPrefix(name, "python"):
		if r.piped && r.pipeFetch >= 0 {
			return r.pipeFetch
		}
	case name == "eval":
		hit = behindEval().MatchString(rest)
	case name == "rm":
		hit = behindRM().MatchString(rest)
	case name == "authorized_keys":
		hit = true
	case name == "tcp" || name == "udp":
		hit = strings.HasPrefix(rest, "/") && strings.HasSuffix(r.src[:start], "/dev/")
	case name == "etc":
		hit = strings.HasSuffix(r.src[:start], "/") && behindEtc().MatchString(rest)
	}
	if hit {
		return start
	}
	return -1
}

// shellExtensions are names under which a script is expected.
var shellExtensions = map[string]bool{"": true, ".sh": true, ".bash": true, ".zsh": true, ".ksh": true, ".py": true, ".pyw": true, ".pyi": true, ".pl": true, ".rb": true, ".lua": true, ".js": true, ".mjs": true, ".awk": true, ".tcl": true, ".r": true, ".jl": true, ".php": true, ".in": true, ".cgi": true}

// IsScriptName reports whether a name is one under which people expect a script, so that one that can be started surprises
// nobody.
func IsScriptName(name string) bool { return shellExtensions[strings.ToLower(path.Ext(name))] }
