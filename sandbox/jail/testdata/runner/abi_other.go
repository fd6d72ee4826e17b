//go:build !amd64

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// wrongArchitecture: there is no second call gate here, so that the signal is the process's own.
func wrongArchitecture() { _ = unix.Kill(os.Getpid(), unix.SIGSYS) }
