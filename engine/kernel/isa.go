package kernel

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// ErrISA is the error of [SetISA] for an instruction set that this machine or this build does not have.
var ErrISA = errors.New("instruction set not available")

// level is an instruction set, with the functions that are written in it. What is nil is computed by its definition in Go,
// and gives the same bits.
type level struct {
	name string
	has  func() bool // whether this machine can run it
	floatFuncs
	quantFuncs
}

// quantFuncs are functions of quantised weights and vectors.
type quantFuncs struct {
	// topBits and scale: len(x) is a positive multiple of 32.
	topBits func(x []float32) uint32
	scale   func(q []int8, x []float32, inv float32) int32
	// quantise32 and quantise256 are the functions of these names, of at least one block.
	quantise32  func(block []block32, q []int8, x []float32)
	quantise256 func(block []block256, q []int8, x []float32)
	// pack brings Group rows of cols weights, stride bytes apart, into the layout that dot takes. As many bytes will be
	// needed next from ahead bytes after the beginning of rows on. c is memory for Group rows of strip columns.
	pack   func(f *format, dst, rows []byte, stride, cols, ahead int, c *codes)
	dot    func(f *format, p *product)
	mul    *[64]mulFunc // by type of weights; nil for some
	groups int          // groups that dot takes together
}

// mulFunc adds to out the products of Group rows, stride bytes apart, and one vector, without packing the rows: of so many
// blocks of the type. What will be needed next begins ahead bytes after src; dst is working memory for the strips of a tile.
type mulFunc func(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)

// goLevel has no assembly. Every machine has it.
var goLevel = level{name: "go", has: func() bool { return true }}

// use is the level in use: the first of the machine's levels, which are in order of speed.
var use = available()[0]

// available returns the levels that this machine has, the quickest first.
func available() []*level {
	var all []*level
	for _, l := range levels {
		if l.has() {
			all = append(all, l)
		}
	}
	return append(all, &goLevel)
}

// ISA returns the name of the instruction set in use.
func ISA() string { return use.name }

// ISAs returns the names of the instruction sets that this machine has, the quickest first and "go" last.
func ISAs() []string {
	var names []string
	for _, l := range available() {
		names = append(names, l.name)
	}
	return names
}

// SetISA makes the package use another instruction set, "go" for none, or the quickest if name is empty. No bit of a result
// depends on it. It must not be called while anything is computed. A name that this machine lacks is ErrISA.
func SetISA(name string) error {
	for _, l := range available() {
		if name == "" || name == l.name {
			use = l
			return nil
		}
	}
	return fmt.Errorf("%q (this machine has %s): %w", name, strings.Join(ISAs(), ", "), ErrISA)
}
