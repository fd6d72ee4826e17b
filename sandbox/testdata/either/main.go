// Command either is the guest or, with the argument "outside", the guest's loop without a jail: one program, so that what the jail
// costs can be told from what a compiler does differently.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark/sandbox/guest"
)

func main() {
	if len(os.Args) == 1 {
		os.Exit(guest.Main(context.Background(), os.Args))
	}
	if err := outside(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// outside serves the model on descriptor 3, mapped as in the jail.
func outside() error {
	var s unix.Stat_t
	if err := unix.Fstat(3, &s); err != nil {
		return err
	}
	file, err := unix.Mmap(3, 0, int(s.Size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return guest.Serve(context.Background(), os.Stdin, os.Stdout, file, guest.Config{Threads: runtime.GOMAXPROCS(0)})
}
