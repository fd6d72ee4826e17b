// Command badruntime is a container runtime that does not work: as runc it says that it has started a container, as runsc it
// never ends. Its name is set when it is linked.
package main

import (
	"fmt"
	"os"
	"time"
)

var name string

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "--version":
		fmt.Println(name, "version 0")
	case name == "runsc":
		time.Sleep(time.Hour)
	}
}
