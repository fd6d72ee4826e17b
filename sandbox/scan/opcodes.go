package scan

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// opcodes holds what each opcode does; nil for those that do not exist.
var opcodes = [256]func(m *machine, op byte) error{
	'(': (*machine).opMark, '0': (*machine).opPop, '1': (*machine).opPopMark, '2': (*machine).opDup,
	'N': (*machine).opNone, 0x88: (*machine).opOther, 0x89: (*machine).opOther, 0x8f: (*machine).opOther, 0x97: (*machine).opOther,
	'I': (*machine).opNumberLine, 'L': (*machine).opNumberLine, 'F': (*machine).opNumberLine,
	'K': (*machine).opInt, 'M': (*machine).opInt, 'J': (*machine).opInt, 'G': (*machine).opFloat, 0x8a: (*machine).opLong, 0x8b: (*machine).opLong,
	'S': (*machine).opTextLine, 'V': (*machine).opTextLine,
	'T': (*machine).opText, 'U': (*machine).opText, 'X': (*machine).opText, 0x8c: (*machine).opText, 0x8d: (*machine).opText,
	'B': (*machine).opBytes, 'C': (*machine).opBytes, 0x8e: (*machine).opBytes, 0x96: (*machine).opBytes,
	'}': (*machine).opDict, ']': (*machine).opList, ')': (*machine).opTuple,
	'd': (*machine).opDictMark, 'l': (*machine).opListMark, 't': (*machine).opTupleMark, 0x91: (*machine).opSetMark,
	0x85: (*machine).opTupleN, 0x86: (*machine).opTupleN, 0x87: (*machine).opTupleN,
	'a': (*machine).opAppend, 'e': (*machine).opAppends, 0x90: (*machine).opAppends, 's': (*machine).opSetItem, 'u': (*machine).opSetItems,
	'g': (*machine).opGet, 'h': (*machine).opGet, 'j': (*machine).opGet,
	'p': (*machine).opPut, 'q': (*machine).opPut, 'r': (*machine).opPut, 0x94: (*machine).opPut,
	'c': (*machine).opGlobal, 'i': (*machine).opInst, 0x93: (*machine).opStackGlobal, 'o': (*machine).opObj,
	0x81: (*machine).opNewObj, 0x92: (*machine).opNewObjEx, 'R': (*machine).opReduce, 'b': (*machine).opBuild,
	'P': (*machine).opPersID, 'Q': (*machine).opPersID, 0x82: (*machine).opExtension, 0x83: (*machine).opExtension, 0x84: (*machine).opExtension,
	0x80: (*machine).opProto, 0x95: (*machine).opFrame, 0x98: (*machine).opReadOnly,
}

// width is the size of the argument, or of its length, of the opcodes that have one.
func width(op byte) int {
	switch op {
	case 'K', 'U', 'C', 0x8a, 0x8c, 'h', 'q', 0x80, 0x82:
		return 1
	case 'M', 0x83:
		return 2
	case 'J', 'T', 'X', 'B', 0x8b, 'j', 'r', 0x84:
		return 4
	default:
		return 8
	}
}

func (m *machine) opMark(byte) error {
	m.marks = append(roomFor(m.marks, 1, 8), len(m.stack))
	return nil
}

// opPop takes a value, or a mark if there is none above it.
func (m *machine) opPop(byte) error {
	if len(m.marks) > 0 && len(m.stack) == m.fence() {
		m.marks = m.marks[:len(m.marks)-1]
		return nil
	}
	_, err := m.pop()
	return err
}

func (m *machine) opPopMark(byte) error {
	_, err := m.popMark()
	return err
}

func (m *machine) opDup(byte) error {
	v, err := m.top()
	m.push(v)
	return err
}

func (m *machine) opNone(byte) error {
	m.push(kindNone)
	return nil
}

func (m *machine) opOther(byte) error {
	m.push(kindOther)
	return nil
}

var (
	wholeLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*[+-]?[0-9_]+L?\s*$`) })
	floatLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*[+-]?([0-9_.]+([eE][+-]?[0-9]+)?|inf|nan|infinity)\s*$`)
	})
)

// opNumberLine reads a number in decimal. Anything else is refused, as text would be that is no pickle.
func (m *machine) opNumberLine(op byte) error {
	line, long, err := m.in.line()
	if err != nil {
		return err
	}
	if long {
		m.push(newInt(maxInt))
		return nil
	}
	if form := wholeLine(); op != 'F' && !form.MatchString(line) || op == 'F' && !floatLine().MatchString(strings.ToLower(line)) {
		return fmt.Errorf("%.20q is no number: %w", line, errPickle)
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(line), "L"), 10, 64)
	if err != nil {
		m.push(kindOther)
		return nil //nolint:nilerr // negative or long: of no consequence
	}
	m.push(newInt(n))
	return nil
}

func (m *machine) opInt(op byte) error {
	n, err := m.in.uint(width(op))
	if err != nil {
		return err
	}
	if op == 'J' && int32(n) < 0 { //nolint:gosec // G115: four bytes
		m.push(kindOther)
		return nil
	}
	m.push(newInt(n))
	return nil
}

func (m *machine) opFloat(byte) error {
	m.push(kindOther)
	return m.in.skip(8)
}

// torchMagic is the number that begins a file of the old torch format, as the pickle holds it.
var torchMagic = []byte{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}

// opLong reads a number of any length, little-endian in two's complement.
func (m *machine) opLong(op byte) error {
	n, err := m.in.uint(width(op))
	if err != nil {
		return err
	}
	if n > 64 {
		m.push(newInt(maxInt)) // how large does not matter
		return m.in.skip(n)
	}
	b, err := m.in.take(int(n))
	if err != nil {
		return err
	}
	m.magic = m.magic || bytes.Equal(b, torchMagic)
	if len(b) > 0 && b[len(b)-1]&0x80 != 0 {
		m.push(kindOther)
		return nil
	}
	v := uint64(0)
	for _, digit := range slices.Backward(b) {
		if v > maxInt>>8 {
			v = maxInt
			break
		}
		v = v<<8 | uint64(digit)
	}
	m.push(newInt(v))
	return nil
}

// opTextLine reads STRING, a literal of Python, or UNICODE, which has \u escapes.
func (m *machine) opTextLine(op byte) error {
	text, long, err := m.in.line()
	if err != nil {
		return err
	}
	if long {
		m.push(packedText(0, notKept))
		return nil
	}
	if op == 'S' {
		text = strings.TrimRight(text, " \t\r\v\f")
		if len(text) < 2 || (text[0] != '\'' && text[0] != '"') || text[len(text)-1] != text[0] {
			return fmt.Errorf("a text without quotes: %w", errPickle)
		}
		text = text[1 : len(text)-1]
	}
	plain, ok := unescape(text, op == 'S')
	if !ok {
		m.push(packedText(0, notKept)) // not a name that could be allowed
		return nil
	}
	m.push(m.newText([]byte(plain)))
	return nil
}

// unescape resolves the escapes of a UNICODE line, and those of a STRING literal too.
func unescape(text string, literal bool) (string, bool) { //nolint:revive // literal is which of two languages
	if !strings.Contains(text, `\`) {
		return text, true
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		i := strings.IndexByte(rest, '\\')
		if i < 0 || i+1 >= len(rest) {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		rest = rest[i+1:]
		digits := map[byte]int{'u': 4, 'U': 8}[rest[0]]
		if literal {
			digits = map[byte]int{'x': 2}[rest[0]]
		}
		if digits == 0 {
			if literal && strings.IndexByte(`\'"`, rest[0]) < 0 {
				return "", false
			}
			if !literal {
				b.WriteByte('\\')
			}
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		if len(rest) <= digits {
			return "", false
		}
		n, err := strconv.ParseUint(rest[1:1+digits], 16, 32)
		if err != nil {
			return "", false
		}
		b.WriteRune(rune(n)) //nolint:gosec // G115: an impossible one becomes U+FFFD, which no name has
		rest = rest[1+digits:]
	}
	return b.String(), true
}

func (m *machine) opText(op byte) error {
	n, err := m.in.uint(width(op))
	if err != nil {
		return err
	}
	if n > maxText {
		m.push(packedText(m.newSpan(n), notKept))
		return m.in.skip(n)
	}
	text, err := m.in.take(int(n))
	if err != nil {
		return err
	}
	m.push(m.newText(text))
	return nil
}

func (m *machine) opBytes(op byte) error {
	n, err := m.in.uint(width(op))
	if err != nil {
		return err
	}
	v := kindBytes
	if n > 1 && op != 0x96 {
		v |= value(m.newSpan(n)) //nolint:gosec // G115: not negative
	}
	m.push(v)
	return m.in.skip(n)
}

// newSpan notes where the next n bytes stand and returns a number for them, 0 if there are too many.
func (m *machine) newSpan(n uint64) int {
	if len(m.spans) >= maxSpans || n > maxInt {
		return 0
	}
	m.spans = append(m.spans, span{m.in.pos(), int64(n)})
	return len(m.spans)
}

func (m *machine) opDict(byte) error {
	m.push(m.newObject(kindDict, noGlobal))
	return nil
}

func (m *machine) opList(byte) error {
	m.push(kindList)
	return nil
}

func (m *machine) opTuple(byte) error {
	m.push(m.newTuple(nil))
	return nil
}

func (m *machine) opDictMark(byte) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	dict := m.newObject(kindDict, noGlobal)
	err = m.setItems(dict, items)
	m.push(dict)
	return err
}

func (m *machine) opListMark(byte) error {
	items, err := m.popMark()
	m.keeps(items)
	m.push(kindList)
	return err
}

func (m *machine) opTupleMark(byte) error {
	items, err := m.popMark()
	if err == nil {
		m.push(m.newTuple(items))
	}
	return err
}

func (m *machine) opSetMark(byte) error {
	items, err := m.popMark()
	m.keeps(items)
	m.push(kindOther)
	return err
}

func (m *machine) opTupleN(op byte) error {
	n := int(op-0x85) + 1
	at := len(m.stack) - n
	if at < m.fence() {
		return fmt.Errorf("the stack is too short: %w", errPickle)
	}
	v := m.newTuple(m.stack[at:])
	m.stack = m.stack[:at]
	m.push(v)
	return nil
}

// container is the value that an opcode changes.
func (m *machine) container() (value, error) {
	v, err := m.top()
	if err == nil && (v.kind() == kindGlobal || v.kind() == kindStorage) {
		m.report("pickle-build", "the pickle changes %.120q, which is not its own", m.globalOf(v))
	}
	return v, err
}

func (m *machine) opAppend(byte) error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	m.keeps([]value{v})
	_, err = m.container()
	return err
}

func (m *machine) opAppends(byte) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	m.keeps(items)
	_, err = m.container()
	return err
}

func (m *machine) opSetItem(byte) error {
	key, v, err := m.popTwo()
	if err != nil {
		return err
	}
	target, err := m.container()
	if err != nil {
		return err
	}
	return m.setItems(target, []value{key, v})
}

func (m *machine) opSetItems(byte) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	target, err := m.container()
	if err != nil {
		return err
	}
	return m.setItems(target, items)
}

// setItems notes what matters of keys and values that go into a container.
func (m *machine) setItems(target value, items []value) error {
	if len(items)%2 != 0 {
		return fmt.Errorf("a key without a value: %w", errPickle)
	}
	m.keeps(items)
	o := m.objectOf(target)
	for pair := range slices.Chunk(items, 2) {
		if o == nil {
			break
		}
		key, v := pair[0], pair[1]
		name, ok := m.text(key)
		if !joblibFields[name] {
			o.flags |= keyForeign
		}
		if field, _ := m.items(v); len(field) == 0 || !m.plainDtype(field[0]) {
			o.flags |= fieldObject
		}
		switch {
		case ok && strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__"):
			o.flags |= keyDunder
		case ok && m.states != nil:
			m.keep(target, name, v)
		case key.kind() == kindObject, key.kind() == kindOther, key.kind() == kindStorage:
			o.flags |= keyComputed
		}
	}
	return nil
}

func (m *machine) opGet(op byte) error {
	key, err := m.index(op)
	if err != nil {
		return err
	}
	if key >= uint64(len(m.memo)) || m.memo[key] == kindUnset {
		return fmt.Errorf("memo entry %d is not there: %w", key, errPickle)
	}
	m.push(m.memo[key])
	return nil
}

func (m *machine) opPut(op byte) error {
	key := uint64(m.memoed) //nolint:gosec // G115: not negative
	if op != 0x94 {
		var err error
		if key, err = m.index(op); err != nil {
			return err
		}
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	if key > uint64(len(m.memo))+1<<12 { // real ones count up
		return fmt.Errorf("memo entry %d after %d: %w", key, len(m.memo), errFull)
	}
	for uint64(len(m.memo)) <= key {
		m.memo = append(roomFor(m.memo, 1, 8), kindUnset)
	}
	if m.memo[key] == kindUnset {
		m.memoed++
	}
	m.memo[key] = v
	return nil
}

// index reads the memo's key: a decimal line for one opcode, fixed bytes for the others.
func (m *machine) index(op byte) (uint64, error) {
	if op != 'g' && op != 'p' {
		return m.in.uint(width(op))
	}
	line, err := m.in.shortLine()
	if err != nil {
		return 0, err
	}
	key, err := strconv.ParseUint(line, 10, 64)
	if err != nil || strconv.FormatUint(key, 10) != line {
		return 0, fmt.Errorf("memo entry %.20q: %w", line, errPickle) // several spellings of one key would be memo confusion
	}
	return key, nil
}

func (m *machine) opExtension(op byte) error {
	m.report("pickle-extension", "the pickle refers to a registered extension, whatever that is where it is loaded")
	m.push(kindOther)
	return m.in.skip(uint64(width(op))) //nolint:gosec // G115: 1, 2 or 4
}

func (m *machine) opProto(byte) error {
	n, err := m.in.uint(1)
	if err == nil && n > 5 {
		err = fmt.Errorf("protocol %d: %w", n, errPickle)
	}
	return err
}

// opFrame reads the length of a frame. Frames only tell how much may be read at once.
func (m *machine) opFrame(byte) error {
	n, err := m.in.uint(8)
	if err == nil && int64(n) > m.in.left() || int64(n) < 0 { //nolint:gosec // G115: negative is past the end too
		err = fmt.Errorf("a frame of %d bytes: %w", n, errPickle)
	}
	if n > maxInt {
		n = maxInt
	}
	m.frame = m.in.pos() + int64(n)
	return err
}

func (m *machine) opReadOnly(byte) error {
	_, err := m.top()
	return err
}
