package scan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

const templateKey = "tokenizer.chat_template"

// maxGGUFHeader bounds what stands before the tensor data, in bytes; the memory for it is at most twice as much. A
// vocabulary of half a million tokens takes 20 MiB.
const maxGGUFHeader = 24 << 20

func (s *scanner) gguf() {
	f, err := gguf.Parse(s.r, s.size, gguf.Limits{HeaderBytes: maxGGUFHeader})
	if err != nil {
		s.cannotParse(s.name, "%v", err)
		return
	}
	end, alignment := f.DataOffset, int64(f.Alignment) //nolint:gosec // G115: the reader takes at most 1 MiB
	for _, t := range f.Tensors {
		s.res.Tensors = append(s.res.Tensors, hallmark.TensorRange{Name: t.Name, Offset: t.Offset, Size: t.Size})
		if gap := t.Offset - end; gap >= alignment {
			s.add("gap", hallmark.SeverityMedium, fmt.Sprintf("byte %d", end), "%d bytes before tensor %.80q belong to nothing", gap, t.Name)
		}
		end = t.Offset + t.Size
	}
	if trailing := s.size - end; trailing >= alignment {
		s.add("trailing-bytes", hallmark.SeverityHigh, fmt.Sprintf("byte %d", end), "%d bytes after the last tensor belong to nothing", trailing)
	}
	for _, t := range f.Tensors {
		s.controls("name of a tensor", t.Name)
	}
	for _, key := range f.Keys() {
		s.controls("name of a key", key)
		s.ggufKey(f, key)
	}
	s.ggufModel(f)
	s.ggufFinite(f)
}

func (s *scanner) ggufKey(f *gguf.File, key string) {
	value, isString := f.String(key)
	if isString && (key == templateKey || strings.HasPrefix(key, templateKey+".")) {
		s.chatTemplate(key, value)
		return
	}
	if isString {
		s.metadata(key, value)
		s.suspicious(key, value)
		return
	}
	if n, ok := f.Int(key); ok {
		s.metadata(key, strconv.FormatInt(n, 10))
	} else if b, ok := f.Bool(key); ok {
		s.metadata(key, strconv.FormatBool(b))
	} else if list, ok := f.Strings(key); ok && !strings.HasPrefix(key, "tokenizer.") { // a vocabulary holds anything
		for _, text := range list[:min(len(list), 1000)] {
			s.suspicious(key, text)
		}
	}
}

// code that has no place in a description of weights.
var suspiciousCode = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)__(?:class|globals|builtins|import|subclasses|mro|init|reduce)__|\bos\s*\.\s*(?:system|popen)|subprocess\s*\.|\b(?:eval|exec)\s*\(|<script\b|javascript:|\{\{.*\}\}|\$\(.*\)|powershell|/bin/(?:ba)?sh\b`)
})

// suspicious looks at one text of the metadata.
func (s *scanner) suspicious(key, text string) {
	if loc := suspiciousCode().FindString(text[:min(len(text), 1<<20)]); loc != "" {
		s.add("metadata-code", hallmark.SeverityHigh, key, "the metadata holds code: %.80q", loc)
	}
	if strings.Contains(key, "split") && (strings.Contains(text, "..") || strings.HasPrefix(text, "/") || strings.Contains(text, `\`)) {
		s.add("metadata-path", hallmark.SeverityHigh, key, "the metadata names a path outside the model's directory")
	}
	s.controls(key, text)
	for _, m := range pii.Find(text[:min(len(text), 1<<20)]) {
		if m.Class == pii.Secret && m.Confidence >= pii.Medium && !m.Test {
			s.addAs(DetectorLeak, "pii-"+string(m.Class), hallmark.SeverityCritical, key,
				"the metadata holds a credential ("+m.Entity+" "+pii.Mask(text[m.Start:m.End])+")")
		}
	}
}

// controls reports characters that act on a terminal or turn text around.
func (s *scanner) controls(key, text string) {
	bad := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' || slices.Contains(bidi, r)
	}
	if strings.ContainsFunc(text, bad) || !utf8.ValidString(text) {
		s.add("metadata-control-characters", hallmark.SeverityMedium, key, "the metadata holds control characters or bytes that are not UTF-8")
	}
}

var bidi = []rune{0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069}
