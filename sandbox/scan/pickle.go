package scan

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// allowedGlobals are what a pickle of weights needs: containers, numbers and the constructors of tensors and arrays.
// Everything else can run code when it is loaded, or has not been looked at, and is refused.
var allowedGlobals = map[string][]string{
	"builtins":               {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "range", "set", "slice", "str", "tuple"},
	"__builtin__":            {"bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list", "long", "object", "set", "slice", "str", "tuple", "unicode", "xrange"},
	"collections":            {"Counter", "OrderedDict", "defaultdict", "deque"},
	"datetime":               {"date", "datetime", "time", "timedelta", "timezone"},
	"decimal":                {"Decimal"},
	"fractions":              {"Fraction"},
	"uuid":                   {"UUID"},
	"_codecs":                {"encode"}, // how protocol 2 writes bytes
	"numpy":                  {"bool_", "dtype", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "ndarray", "uint16", "uint32", "uint64", "uint8"},
	"numpy.core.multiarray":  {"_reconstruct", "scalar"},
	"numpy._core.multiarray": {"_reconstruct", "scalar"},
	"numpy.core.numeric":     {"_frombuffer"},
	"numpy._core.numeric":    {"_frombuffer"},
	"torch":                  {"BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "ShortStorage", "Size", "bfloat16", "bool", "device", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8"},
	"torch._utils":           {"_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2"},
	"torch._tensor":          {"_rebuild_from_type_v2"},
	"torch.nn.parameter":     {"Buffer", "Parameter"},
	"torch.storage":          {"TypedStorage", "UntypedStorage"},
	"torch.torch_version":    {"TorchVersion"},
	"scipy.sparse._csr":      {"csr_matrix"},
}

// Bounds of one pickle. Emulation is linear in its bytes; these bound memory.
const (
	maxStack  = 1 << 20
	maxMemo   = 1 << 20
	maxLine   = 4096
	maxString = 256 // names of globals are shorter; of longer texts only the length is kept
)

// value is what the emulated machine holds: the scanner needs texts, because names of globals are made of them.
type value struct {
	kind byte // one of the kinds below
	text string
}

const (
	opaque byte = iota
	markKind
	textKind
	globalKind
)

var (
	errPickle = errors.New("malformed pickle")
	errFull   = errors.New("pickle over a limit")
)

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// isOldPickle reports whether the bytes are a pickle of the first protocols, which have no mark: it names something and calls it, whatever
// comes then.
func isOldPickle(text []byte) bool {
	m := &machine{in: bufio.NewReader(bytes.NewReader(text)), left: int64(len(text)), report: func(string, string, ...any) {}}
	err := m.run()
	return m.called || err == nil && m.named
}

// isPickle recognises a binary pickle by its protocol mark. Older ones are text and are looked for in [scanner.text].
func isPickle(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x80 && head[1] >= 1 && head[1] <= 5
}

// pickles scans the pickles that follow one another in the first n bytes, as the old torch format has them.
func (s *scanner) pickles(n int64, location string) {
	in := bufio.NewReaderSize(s.section(0, n), 1<<16)
	m := &machine{in: in, left: n, report: func(rule, format string, args ...any) {
		s.add(rule, hallmark.SeverityCritical, location, format, args...)
	}}
	for {
		if err := m.run(); err != nil {
			s.cannotParse(location, "byte %d: %v", n-m.left, err)
			return
		}
		if m.left == 0 {
			return
		}
		next, err := in.Peek(2)
		if err != nil || !isPickle(next) {
			s.add("trailing-bytes", hallmark.SeverityMedium, location, "%d bytes follow the pickle", m.left)
			return
		}
	}
}

// machine emulates the pickle virtual machine as far as the names of globals depend on it: the stack, the marks and the
// memo. It never builds an object.
//
// Source: the opcode descriptions in CPython's pickletools.
type machine struct {
	in     *bufio.Reader
	left   int64 // bytes that may still be read
	stack  []value
	memo   map[uint64]value
	report func(rule, format string, args ...any)
	named  bool // a global was seen whose names may be names
	called bool // and then an opcode that calls
}

// run reads one pickle up to its STOP.
func (m *machine) run() error {
	m.stack, m.memo = m.stack[:0], map[uint64]value{}
	for {
		op, err := m.byte()
		if err != nil {
			return err
		}
		if op == '.' {
			return m.pop(1)
		}
		if err := m.step(op); err != nil {
			return fmt.Errorf("opcode 0x%02x: %w", op, err)
		}
		m.called = m.called || m.named && strings.IndexByte("Roib\x81\x92", op) >= 0
		if len(m.stack) > maxStack || len(m.memo) > maxMemo {
			return errFull
		}
	}
}

// What an opcode with a fixed effect does: how its argument is written, what it takes from the stack, and whether it
// pushes a value.
type effect struct {
	arg  byte // bytes of argument; or one of the marks below
	pop  int8 // values; popMark: down to the mark and the mark
	push bool
}

const (
	lineArg  byte = 0xf0 // up to a line break
	counted1 byte = 0xf1 // a length of 1, 4 or 8 bytes, then so many
	counted4 byte = 0xf4
	counted8 byte = 0xf8
	popMark  int8 = -1
)

// effects of the opcodes that make nothing but opaque values.
var effects = map[byte]effect{
	'F': {lineArg, 0, true}, 'I': {lineArg, 0, true}, 'L': {lineArg, 0, true}, 'P': {lineArg, 0, true},
	'J': {4, 0, true}, 'K': {1, 0, true}, 'M': {2, 0, true}, 'G': {8, 0, true}, 'N': {0, 0, true},
	'Q': {0, 1, true}, 'a': {0, 1, false}, 'b': {0, 1, false}, 's': {0, 2, false},
	'B': {counted4, 0, true}, 'C': {counted1, 0, true}, 0x8e: {counted8, 0, true}, 0x96: {counted8, 0, true},
	0x8a: {counted1, 0, true}, 0x8b: {counted4, 0, true},
	'}': {0, 0, true}, ']': {0, 0, true}, ')': {0, 0, true}, 0x8f: {0, 0, true}, 0x88: {0, 0, true}, 0x89: {0, 0, true},
	'd': {0, popMark, true}, 'l': {0, popMark, true}, 't': {0, popMark, true}, 0x91: {0, popMark, true},
	'e': {0, popMark, false}, 'u': {0, popMark, false}, 0x90: {0, popMark, false}, '1': {0, popMark, false},
	0x85: {0, 1, true}, 0x86: {0, 2, true}, 0x87: {0, 3, true},
	'R': {0, 2, true}, 0x81: {0, 2, true}, 0x92: {0, 3, true}, 'o': {0, popMark, true},
	0x80: {1, 0, false}, 0x95: {8, 0, false}, 0x97: {0, 0, true}, 0x98: {0, 0, false},
}

func (m *machine) step(op byte) error {
	if e, ok := effects[op]; ok {
		return m.fixed(e)
	}
	switch op {
	case '(':
		m.push(value{kind: markKind})
	case '0':
		return m.popAny()
	case '2':
		return m.dup()
	case 'S', 'V', 'T', 'U', 'X', 0x8c, 0x8d:
		return m.string(op)
	case 'c', 'i':
		return m.literal(op)
	case 0x93:
		return m.stackGlobal()
	case 0x82, 0x83, 0x84:
		m.report("pickle-extension", "the pickle refers to a registered extension, whatever that is where it is loaded")
		m.push(value{})
		return m.skip(uint64(1) << (op - 0x82))
	case 'g', 'h', 'j':
		return m.get(op)
	case 'p', 'q', 'r', 0x94:
		return m.put(op)
	default:
		return errPickle
	}
	return nil
}

func (m *machine) fixed(e effect) error {
	var err error
	switch e.arg {
	case lineArg:
		_, err = m.line()
	case counted1, counted4, counted8:
		var n uint64
		if n, err = m.uint(int(e.arg & 0x0f)); err == nil {
			err = m.skip(n)
		}
	default:
		err = m.skip(uint64(e.arg))
	}
	if err != nil {
		return err
	}
	if e.pop == popMark {
		err = m.popToMark()
	} else {
		err = m.pop(int(e.pop))
	}
	if e.push {
		m.push(value{})
	}
	return err
}

// string reads a text and keeps it if it may be a name.
func (m *machine) string(op byte) error {
	width := map[byte]int{'T': 4, 'U': 1, 'X': 4, 0x8c: 1, 0x8d: 8}[op]
	if width == 0 {
		text, err := m.line()
		if op == 'S' && len(text) >= 2 && (text[0] == '\'' || text[0] == '"') && text[len(text)-1] == text[0] {
			text = text[1 : len(text)-1]
		}
		if strings.Contains(text, `\`) { // an escape may hide a name: it is none that is allowed
			text = ""
		}
		m.push(value{kind: textKind, text: text})
		return err
	}
	n, err := m.uint(width)
	if err != nil {
		return err
	}
	if n > maxString {
		m.push(value{kind: textKind})
		return m.skip(n)
	}
	text := make([]byte, n)
	if err := m.full(text); err != nil {
		return err
	}
	m.push(value{kind: textKind, text: string(text)})
	return nil
}

// literal handles GLOBAL and INST, whose names stand in the pickle.
func (m *machine) literal(op byte) error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	m.global(module, name)
	if op == 'i' {
		return m.popToMarkAndPush()
	}
	m.push(value{kind: globalKind})
	return nil
}

func (m *machine) stackGlobal() error {
	if len(m.stack) < 2 {
		return errPickle
	}
	name, module := m.stack[len(m.stack)-1], m.stack[len(m.stack)-2]
	if err := m.pop(2); err != nil {
		return err
	}
	if name.kind != textKind || module.kind != textKind || name.text == "" || module.text == "" {
		m.report("pickle-computed-global", "the pickle computes the name of what it loads")
	} else {
		m.global(module.text, name.text)
	}
	m.push(value{kind: globalKind})
	return nil
}

// global reports a name that is not allowed.
func (m *machine) global(module, name string) {
	m.named = m.named || nameForm.MatchString(module) && nameForm.MatchString(name)
	if !slices.Contains(allowedGlobals[module], name) {
		m.report("pickle-global", "loading the pickle calls or imports %.80q of %.80q, which is not on the list of what weights need", name, module)
	}
}

func (m *machine) get(op byte) error {
	key, err := m.index(op, 'g', map[byte]int{'h': 1, 'j': 4})
	if err != nil {
		return err
	}
	v, ok := m.memo[key]
	if !ok {
		return errPickle
	}
	m.push(v)
	return nil
}

func (m *machine) put(op byte) error {
	key := uint64(len(m.memo))
	if op != 0x94 {
		var err error
		if key, err = m.index(op, 'p', map[byte]int{'q': 1, 'r': 4}); err != nil {
			return err
		}
	}
	if len(m.stack) == 0 || m.stack[len(m.stack)-1].kind == markKind {
		return errPickle
	}
	m.memo[key] = m.stack[len(m.stack)-1]
	return nil
}

// index reads the memo's key: a decimal line for one opcode, fixed bytes for the others.
func (m *machine) index(op, text byte, widths map[byte]int) (uint64, error) {
	if op != text {
		return m.uint(widths[op])
	}
	line, err := m.line()
	if err != nil {
		return 0, err
	}
	var key uint64
	if _, err := fmt.Sscanf(line, "%d", &key); err != nil || fmt.Sprint(key) != line {
		return 0, errPickle // several spellings of one key would be memo confusion
	}
	return key, nil
}

func (m *machine) push(v value) { m.stack = append(m.stack, v) }

// pop takes n values; a mark among them is malformed.
func (m *machine) pop(n int) error {
	if len(m.stack) < n || slices.ContainsFunc(m.stack[len(m.stack)-n:], func(v value) bool { return v.kind == markKind }) {
		return errPickle
	}
	m.stack = m.stack[:len(m.stack)-n]
	return nil
}

// popAny takes a value or a mark, as POP does.
func (m *machine) popAny() error {
	if len(m.stack) == 0 {
		return errPickle
	}
	m.stack = m.stack[:len(m.stack)-1]
	return nil
}

func (m *machine) dup() error {
	if len(m.stack) == 0 || m.stack[len(m.stack)-1].kind == markKind {
		return errPickle
	}
	m.push(m.stack[len(m.stack)-1])
	return nil
}

func (m *machine) popToMark() error {
	for i, v := range slices.Backward(m.stack) {
		if v.kind == markKind {
			m.stack = m.stack[:i]
			return nil
		}
	}
	return errPickle
}

func (m *machine) popToMarkAndPush() error {
	err := m.popToMark()
	m.push(value{})
	return err
}

func (m *machine) byte() (byte, error) {
	var b [1]byte
	err := m.full(b[:])
	return b[0], err
}

func (m *machine) full(p []byte) error {
	if int64(len(p)) > m.left {
		return io.ErrUnexpectedEOF
	}
	if _, err := io.ReadFull(m.in, p); err != nil {
		return io.ErrUnexpectedEOF
	}
	m.left -= int64(len(p))
	return nil
}

func (m *machine) skip(n uint64) error {
	if n > uint64(m.left) { //nolint:gosec // G115: left is never negative
		return io.ErrUnexpectedEOF
	}
	for n > 0 {
		chunk := int(min(n, 1<<30))
		done, err := m.in.Discard(chunk)
		m.left -= int64(done)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		n -= uint64(chunk)
	}
	return nil
}

// uint reads a little-endian number of 1, 2, 4 or 8 bytes.
func (m *machine) uint(width int) (uint64, error) {
	var b [8]byte
	err := m.full(b[:width])
	return binary.LittleEndian.Uint64(b[:]), err
}

// line reads up to a line break, which is not returned.
func (m *machine) line() (string, error) {
	var b []byte
	for {
		c, err := m.byte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimSuffix(string(b), "\r"), nil
		}
		if b = append(b, c); len(b) > maxLine {
			return "", errFull
		}
	}
}
