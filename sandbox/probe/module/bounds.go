package module

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of what a module declares. The runtime makes room for what a module says that it has before it reads it, so that a
// file of a few bytes could ask for all of a host's memory.
const (
	maxDeclared  = 100_000 // functions, types, globals and so on, each
	maxValues    = 1_000   // parameters or results of a function
	maxLocals    = 10_000  // of a function
	maxAllLocals = 1 << 20
	maxTable     = 1 << 20 // places in its table
)

// Sections of a module, in the numbering of the specification.
const (
	customSection, typeSection, importSection, functionSection, tableSection, memorySection = 0, 1, 2, 3, 4, 5
	globalSection, exportSection, elementSection, codeSection, dataSection                  = 6, 7, 9, 10, 11
)

var (
	errCutOff  = errors.New("it is cut off")
	errUnknown = errors.New("it holds something that is not known here")
)

// bounded reads the outline of a module and returns it without its custom sections, which a judge does not need. Every count
// in what it returns is of things that are there, or within the bounds.
//
// Source: WebAssembly core specification 2.0, chapter 5 (binary format).
func bounded(code []byte) ([]byte, error) {
	if len(code) < 8 {
		return nil, errCutOff
	}
	out := append([]byte(nil), code[:8]...)
	for r := (outline{rest: code[8:]}); len(r.rest) > 0; {
		start := r.rest
		id := r.byte()
		content := r.take(r.number())
		if r.err != nil {
			return nil, r.err
		}
		if id == customSection {
			continue
		}
		if err := checkSection(id, content); err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
		out = append(out, start[:len(start)-len(r.rest)]...)
	}
	return out, nil
}

func checkSection(id byte, content []byte) error {
	s := &outline{rest: content}
	each := map[byte]func(){
		typeSection: s.functionType, importSection: s.imported, functionSection: func() { s.number() }, tableSection: s.table, memorySection: func() { s.limits() },
		exportSection: s.exported, elementSection: s.element, codeSection: s.function, dataSection: s.data,
		globalSection: func() { s.value(); s.byte(); s.expression() },
	}[id]
	if each == nil {
		return nil // a number, or refused by the runtime
	}
	n := s.number()
	if n > maxDeclared {
		return fmt.Errorf("it declares %d things, at most %d", n, maxDeclared)
	}
	for range n {
		if each(); s.err != nil {
			return s.err
		}
	}
	return nil
}

// An outline reads a module from its beginning; after an error it reads nothing.
type outline struct {
	rest   []byte
	locals uint64 // of all functions so far
	err    error
}

func (s *outline) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.rest = nil
}

func (s *outline) byte() byte {
	b := s.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (s *outline) take(n uint64) []byte {
	if n > uint64(len(s.rest)) {
		s.fail(errCutOff)
		return nil
	}
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

// number reads an unsigned number; the bits of a signed one have the same length.
func (s *outline) number() uint64 {
	n, size := binary.Uvarint(s.rest)
	if size <= 0 {
		s.fail(errCutOff)
		return 0
	}
	s.rest = s.rest[size:]
	return n
}

// functionType reads a type of functions.
func (s *outline) functionType() {
	if s.byte() != 0x60 {
		s.fail(errUnknown)
	}
	for range 2 {
		n := s.number()
		if n > maxValues {
			s.fail(fmt.Errorf("a function of %d parameters or results, at most %d", n, maxValues))
		}
		for range min(n, maxValues) {
			s.value()
		}
	}
}

// value reads the type of a value, which is one byte.
func (s *outline) value() {
	if b := s.byte(); b < 0x7b && b != 0x70 && b != 0x6f || b > 0x7f {
		s.fail(errUnknown)
	}
}

// imported reads an import, which has to be a function.
func (s *outline) imported() {
	from, name := s.take(s.number()), s.take(s.number())
	if s.byte() != 0 && s.err == nil {
		s.fail(fmt.Errorf("it imports %s.%s, which is no function", from, name))
	}
	s.number()
}

func (s *outline) table() {
	s.value()
	if least := s.limits(); least > maxTable {
		s.fail(fmt.Errorf("a table of %d places, at most %d", least, maxTable))
	}
}

// limits reads the limits of a table or of a memory and returns the lower one.
func (s *outline) limits() uint64 {
	flag := s.byte()
	least := s.number()
	if flag&1 != 0 {
		s.number()
	}
	return least
}

func (s *outline) exported() {
	s.take(s.number())
	s.byte()
	s.number()
}

// element reads a segment of a table: functions, or expressions that give them.
func (s *outline) element() {
	flag := s.number()
	if flag > 7 {
		s.fail(errUnknown)
	}
	passive, other, expressions := flag&1 != 0, flag&2 != 0, flag&4 != 0
	if !passive {
		if other {
			s.number()
		}
		s.expression()
	}
	if passive || other {
		s.byte()
	}
	one := func() { s.number() }
	if expressions {
		one = s.expression
	}
	n := s.number()
	if n > maxTable {
		s.fail(fmt.Errorf("a segment of %d elements, at most %d", n, maxTable))
	}
	for i := uint64(0); i < n && s.err == nil; i++ {
		one()
	}
}

func (s *outline) data() {
	switch flag := s.number(); flag {
	case 0:
		s.expression()
	case 1:
	case 2:
		s.number()
		s.expression()
	default:
		s.fail(errUnknown)
	}
	s.take(s.number())
}

// function reads a function's locals, and passes over what it does.
func (s *outline) function() {
	body := &outline{rest: s.take(s.number())}
	groups, own := body.number(), uint64(0)
	for range min(groups, maxLocals) {
		n := min(body.number(), maxAllLocals)
		own, s.locals = own+n, s.locals+n
		body.value()
	}
	if groups > maxLocals || own > maxLocals || s.locals > maxAllLocals {
		s.fail(fmt.Errorf("a function of more than %d locals, or %d in all", maxLocals, maxAllLocals))
	}
	if body.err != nil {
		s.fail(body.err)
	}
}

// expression passes over a constant expression.
func (s *outline) expression() {
	for s.err == nil {
		switch s.byte() {
		case 0x0b:
			return
		case 0x41, 0x42, 0x23, 0xd2: // numbers, a global, a function
			s.number()
		case 0x43:
			s.take(4)
		case 0x44:
			s.take(8)
		case 0xd0:
			s.byte()
		case 0xfd:
			s.number()
			s.take(16)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // sums and products
		default:
			s.fail(errUnknown)
		}
	}
}
