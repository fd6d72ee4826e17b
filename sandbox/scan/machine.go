package scan

import (
	"errors"
	"fmt"
	"io"
)

// A machine emulates the pickle virtual machine: stack, marks, memo, and of the values what decides whether loading them
// is safe. It never builds an object.
//
// A value is one machine word: its kind, and where more is known about it. Nothing on the stack or in the memo is a
// pointer, so that a pickle of a million entries costs eight bytes for each and no work for the garbage collector.
//
// Source: the opcode descriptions in CPython's pickletools, and the behaviour of its C and Python unpicklers; where the two
// differ, the machine allows what either allows.
type machine struct {
	in     *stream
	report func(rule, format string, args ...any)
	// nested scans bytes of the pickle that are loaded once more, or a text whose characters are such bytes; nil if they
	// cannot be read again.
	nested func(at span, text bool)
	loaded map[span]bool          // what nested was asked for
	object func(in *stream) error // runs a pickle that stands inside of this one, as joblib writes arrays of objects

	stack   []value
	marks   []int
	memo    []value
	memoed  int     // entries of memo that are set
	tuples  []value // the items of tuples, one after another
	objects []object
	texts   []byte
	spans   []span
	names   globalTable
	states  map[uint64]map[string]value // of dictionaries, kept only where an array in the file depends on them

	result   value            // of the last pickle
	storages map[string]int64 // sizes of tensor storages in bytes, by their keys, as the pickle claims them
	count    int              // opcodes
	frame    int64            // where the frame ends that was begun last
	asked    uint64           // bytes or elements that constructors were asked to allocate
	named    bool             // a global was seen whose names may be names
	called   bool             // and then an opcode that calls
	magic    bool             // the mark of the old torch format was pushed
	reported map[string]bool
	calls    int // that are open: some callables call others
}

// A value is its kind in the upper four bits and a payload.
type value uint64

const (
	kindOther   value = iota << kindShift // numbers that do not fit, booleans, sets, whatever is of no consequence
	kindNone                              //
	kindInt                               // payload: the number, at most maxInt
	kindText                              // payload: offset in texts and length
	kindBytes                             // payload: index in spans plus one, or 0
	kindGlobal                            // payload: index in names
	kindTuple                             // payload: offset in tuples, weight and length
	kindDict                              // payload: index in objects
	kindList                              //
	kindObject                            // payload: index in objects
	kindStorage                           // what a persistent id stands for
	kindUnset                             // a memo entry without a value

	kindShift = 60
	kindMask  = value(15) << kindShift
	maxInt    = 1<<58 - 1
)

// An object is what a call made, or a dictionary.
type object struct {
	global uint32 // index in names of what made it; noGlobal for a dictionary
	flags  uint32
	size   uint32 // of one element, for a dtype; 0 if it is not known
	object bool   // a dtype of objects
	record bool   // a dtype of records
	odd    bool   // a dtype of which it is not known what its elements are
	wide   bool   // a dtype whose state says how large an element is: texts, bytes and records
}

const noGlobal = ^uint32(0)

// Flags of objects.
const (
	keyDunder   = 1 << iota // a key is the name of a special method
	keyComputed             // a key is computed, so that it may be any name
	keyForeign              // a key is none of those that describe an array of joblib
	fieldObject             // a value is no tuple that begins with a dtype whose elements are no objects
)

// A span is where bytes stand in the pickle.
type span struct{ off, n int64 }

// Bounds of one pickle. Emulation is linear in its bytes; these bound memory.
const (
	maxRetained = 24 << 20 // bytes that stack, memo and values take together
	maxLine     = 4096
	maxText     = 128 // names are shorter; of longer texts only the length is known
	maxItems    = 16  // of a tuple; those that matter are shorter
	maxSpans    = 1 << 16
	maxCalls    = 16      // in one another
	reserveFrom = 1 << 17 // entries of a list
	notKept     = 511     // a text's or tuple's length that says that it was not kept
	lengthBits  = 9
	weightBits  = 24
	maxWeight   = 1<<weightBits - 1 // values that a tuple comes to when every tuple in it is written out
)

var (
	errPickle = errors.New("malformed pickle")
	errFull   = errors.New("pickle over a limit")
)

func newMachine(in *stream, report func(rule, format string, args ...any)) *machine {
	m := &machine{in: in, reported: map[string]bool{}, storages: map[string]int64{}, loaded: map[span]bool{}}
	m.report = func(rule, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if !m.reported[rule+text] && len(m.reported) <= maxFindings {
			m.reported[rule+text] = true
			report(rule, "%s", text)
		}
	}
	return m
}

// run reads one pickle up to its STOP.
func (m *machine) run() error {
	m.stack, m.marks, m.memo, m.memoed = m.stack[:0], m.marks[:0], m.memo[:0], 0
	m.tuples, m.objects, m.texts, m.spans, m.states = m.tuples[:0], m.objects[:0], m.texts[:0], m.spans[:0], nil
	m.frame = 0
	for {
		op, err := m.in.byte()
		if err != nil {
			return err
		}
		if op == '.' {
			m.result, err = m.pop()
			return err
		}
		do := opcodes[op]
		if do == nil {
			return fmt.Errorf("opcode 0x%02x is none: %w", op, errPickle)
		}
		if err := do(m, op); err != nil {
			return fmt.Errorf("opcode 0x%02x: %w", op, err)
		}
		if m.count++; m.count&0xfff == 0 && m.retained() > maxRetained {
			return errFull
		}
	}
}

// retained is the memory that the values take.
func (m *machine) retained() int {
	return 8*(len(m.stack)+len(m.marks)+len(m.memo)+len(m.tuples)) + 16*len(m.objects) + len(m.texts) + 16*len(m.spans) + 96*len(m.names.list) + 64*len(m.storages)
}

func (v value) kind() value     { return v & kindMask }
func (v value) payload() uint64 { return uint64(v &^ kindMask) }

func (m *machine) push(v value) { m.stack = append(roomFor(m.stack, 1, 8), v) }

// roomFor makes a list that has grown large as large as it may ever be: growing step by step would hold two of them, and
// pages that are not written to cost nothing. One entry takes width bytes.
func roomFor[T any](list []T, more, width int) []T {
	if len(list)+more <= cap(list) || len(list) < reserveFrom {
		return list
	}
	most := maxRetained/width + reserveFrom // the limit is looked at now and then
	return append(make([]T, 0, max(most, len(list)+more)), list...)
}

// fence is how far down the stack may be taken: a mark is passed only by the opcodes that look for it.
func (m *machine) fence() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() (value, error) {
	if len(m.stack) <= m.fence() {
		return 0, fmt.Errorf("the stack is empty: %w", errPickle)
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popTwo returns the two upper values, the upper one last.
func (m *machine) popTwo() (below, top value, err error) {
	if top, err = m.pop(); err == nil {
		below, err = m.pop()
	}
	return below, top, err
}

// top is the upper value, which stays.
func (m *machine) top() (value, error) {
	v, err := m.pop()
	if err == nil {
		m.push(v)
	}
	return v, err
}

// popMark returns what stands above the upper mark, valid until the next push.
func (m *machine) popMark() ([]value, error) {
	if len(m.marks) == 0 {
		return nil, fmt.Errorf("there is no mark: %w", errPickle)
	}
	at := m.fence()
	items := m.stack[at:]
	m.stack, m.marks = m.stack[:at], m.marks[:len(m.marks)-1]
	return items, nil
}

// packedText makes a text whose payload is a place and a length.
func packedText(at, n int) value {
	return kindText | value(at)<<lengthBits | value(n) //nolint:gosec // G115: both are lengths of slices of at most maxRetained
}

func (v value) unpack() (at, n int) {
	return int(v.payload() >> lengthBits), int(v.payload() & notKept)
}

func (m *machine) newText(text []byte) value {
	if len(text) > maxText {
		return packedText(0, notKept)
	}
	at := len(m.texts)
	m.texts = append(roomFor(m.texts, len(text), 1), text...)
	return packedText(at, len(text))
}

// text returns a text that was kept.
func (m *machine) text(v value) (string, bool) {
	at, n := v.unpack()
	if v.kind() != kindText || n == notKept {
		return "", false
	}
	return string(m.texts[at : at+n]), true
}

// newTuple makes a tuple. Its payload is its place, what it weighs, and its length. Python computes the hash of a tuple anew
// each time, by going through all that is in it: a tuple of two times the same, sixty times over, never comes to an end.
func (m *machine) newTuple(items []value) value {
	m.keeps(items)
	weight := uint64(1)
	for _, v := range items {
		weight += v.weight()
	}
	if weight >= maxWeight {
		m.report("pickle-bomb", "tuples stand in tuples so often that they come to more than %d values", maxWeight)
		weight = maxWeight
	}
	at, n := len(m.tuples), len(items)
	if n > maxItems {
		at, n = 0, notKept
	} else {
		m.tuples = append(roomFor(m.tuples, n, 8), items...)
	}
	return kindTuple | value(at)<<(lengthBits+weightBits) | value(weight)<<lengthBits | value(n)
}

// weight is how many values a value is when all tuples in it are written out.
func (v value) weight() uint64 {
	if v.kind() != kindTuple {
		return 1
	}
	return v.payload() >> lengthBits & maxWeight
}

// items returns the items of a tuple that were kept. They stay valid: tuples only grow.
func (m *machine) items(v value) ([]value, bool) {
	at, n := int(v.payload()>>(lengthBits+weightBits)), int(v.payload()&notKept)
	if v.kind() != kindTuple || n == notKept {
		return nil, false
	}
	return m.tuples[at : at+n : at+n], true
}

func newInt(n uint64) value { return kindInt | value(min(n, maxInt)) }

func (m *machine) newObject(kind value, global uint32) value {
	m.objects = append(roomFor(m.objects, 1, 16), object{global: global})
	return kind | value(len(m.objects)-1) //nolint:gosec // G115: not negative
}

// objectOf returns what is known about a dictionary or an object, nil for other values.
func (m *machine) objectOf(v value) *object {
	if v.kind() != kindDict && v.kind() != kindObject {
		return nil
	}
	return &m.objects[v.payload()]
}

// madeBy names what made an object, empty for other values.
func (m *machine) madeBy(v value) string {
	if o := m.objectOf(v); o != nil && o.global != noGlobal {
		return m.names.list[o.global].full
	}
	return ""
}

// globalOf names a global, empty for other values.
func (m *machine) globalOf(v value) string {
	if v.kind() != kindGlobal {
		return ""
	}
	return m.names.list[v.payload()].full
}

// isOldPickle reports whether a text is a pickle of the first protocols, which have no mark: it names something and calls
// it, or reads to its end as a pickle of more than one value.
func isOldPickle(r io.ReaderAt, size int64) bool {
	m := newMachine(newStreamAt(r, size), func(string, string, ...any) {})
	for {
		err := m.run()
		if m.called || err != nil {
			return m.called
		}
		if m.in.atEnd() {
			return m.named || m.count > 2
		}
	}
}

// isPickle recognises a binary pickle by its protocol mark. Older ones have none and are looked for in [scanner.text].
func isPickle(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x80 && head[1] >= 1 && head[1] <= 5
}
