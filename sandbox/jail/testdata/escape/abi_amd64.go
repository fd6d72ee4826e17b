package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// int80 makes a system call through the 32-bit gate, with the 32-bit numbers.
func int80(nr uint32) int32

func abiAttempts() []attemptCase {
	return []attemptCase{
		{id: "kern.modify_ldt", try: call(unix.SYS_MODIFY_LDT, 0, 0, 0)},
		{id: "priv.iopl", try: call(unix.SYS_IOPL, 3)},
		{id: "priv.ioperm", try: call(unix.SYS_IOPERM, 0, 1, 1)},
		{id: "kern.arch_prctl", try: call(unix.SYS_ARCH_PRCTL, 0x1005, bad)},
		{id: "kern.x32_abi", try: call(0x40000000 | unix.SYS_GETPID)},
		{id: "kern.int80_abi", try: func(order) error {
			const getpid32 = 20
			if r := int80(getpid32); r < 0 {
				return syscall.Errno(-r)
			}
			return nil
		}},
	}
}
