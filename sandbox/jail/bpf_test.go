package jail

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A machine runs a filter as the kernel does, and counts which way each jump went. It knows the instructions that
// filters consist of, and no others.
// Source: the kernel's networking/filter.rst.
type machine struct {
	prog  []unix.SockFilter
	taken [][2]int // by instruction: times a jump's condition did not hold, and held
	other *bpf.VM  // somebody else's machine, which must say the same
}

func newMachine(tb testing.TB, a arch) *machine {
	tb.Helper()
	return newMachineOf(tb, assemble(a, self, actKill))
}

func newMachineOf(tb testing.TB, prog []unix.SockFilter) *machine {
	tb.Helper()
	var instructions []bpf.Instruction
	for _, in := range prog {
		instructions = append(instructions, bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}.Disassemble())
	}
	other, err := bpf.NewVM(instructions)
	require.NoError(tb, err)
	return &machine{prog: prog, taken: make([][2]int, len(prog)), other: other}
}

// answer is what both machines say about a system call.
func (m *machine) answer(tb testing.TB, c sysCall) uint32 {
	tb.Helper()
	got, err := m.run(c.data())
	require.NoError(tb, err)
	// The other machine reads words in network order, the kernel in the machine's own.
	var b []byte
	for _, w := range c.data() {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	theirs, err := m.other.Run(b)
	require.NoError(tb, err)
	require.Equal(tb, uint32(theirs), got, "the two machines differ on %+v", c)
	return got
}

func (m *machine) run(data [16]uint32) (uint32, error) {
	acc := uint32(0)
	for at := 0; at < len(m.prog); at++ {
		in := m.prog[at]
		var holds bool
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if in.K%4 != 0 || in.K >= 64 {
				return 0, fmt.Errorf("instruction %d loads at %d", at, in.K)
			}
			acc = data[in.K/4]
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K, nil
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= in.K
			continue
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			holds = acc > in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			holds = acc == in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			holds = acc >= in.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			holds = acc&in.K != 0
		default:
			return 0, fmt.Errorf("instruction %d is of no known kind: %+v", at, in)
		}
		if holds {
			m.taken[at][1]++
			at += int(in.Jt)
		} else {
			m.taken[at][0]++
			at += int(in.Jf)
		}
	}
	return 0, fmt.Errorf("the program of %d instructions runs past its end", len(m.prog))
}

// uncovered lists the branches that were never taken.
func (m *machine) uncovered() []string {
	var missing []string
	for at, in := range m.prog {
		for way, n := range m.taken[at] {
			if in.Code&7 == unix.BPF_JMP && n == 0 {
				missing = append(missing, fmt.Sprintf("instruction %d, condition %v: %s", at, way == 1, disassemble(in)))
			}
		}
	}
	return missing
}

// A sysCall is what a filter is asked about.
type sysCall struct {
	nr, audit uint32
	args      [6]uint64
}

// data is struct seccomp_data in words; the instruction pointer, which no filter of ours looks at, is 0.
func (c sysCall) data() (words [16]uint32) {
	words[0], words[1] = c.nr, c.audit
	for i, a := range c.args {
		words[4+2*i], words[5+2*i] = uint32(a), uint32(a>>32)
	}
	return words
}

// disassemble writes an instruction for the pinned dumps.
func disassemble(in unix.SockFilter) string {
	switch in.Code {
	case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
		names := map[uint32]string{offNr: "call number", offArch: "architecture"}
		for i := range uint32(6) {
			names[offArgs+8*i] = fmt.Sprintf("argument %d, low half", i)
			names[offArgs+8*i+4] = fmt.Sprintf("argument %d, high half", i)
		}
		return fmt.Sprintf("load  %-24s", names[in.K])
	case unix.BPF_RET | unix.BPF_K:
		switch in.K & unix.SECCOMP_RET_ACTION_FULL {
		case unix.SECCOMP_RET_KILL_PROCESS:
			return "kill"
		case unix.SECCOMP_RET_ALLOW:
			return "allow"
		case unix.SECCOMP_RET_ERRNO:
			return "errno " + unix.ErrnoName(unix.Errno(in.K&unix.SECCOMP_RET_DATA))
		}
	case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
		return fmt.Sprintf("if == %#-12x", in.K)
	case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
		return fmt.Sprintf("if >= %#-12x", in.K)
	case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
		return fmt.Sprintf("if >  %#-12x", in.K)
	case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
		return fmt.Sprintf("mask  %#-12x", in.K)
	case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
		return fmt.Sprintf("if &  %#-12x", in.K)
	}
	return fmt.Sprintf("unknown %+v", in)
}
