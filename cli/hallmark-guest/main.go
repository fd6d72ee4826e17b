// Command hallmark-guest is the process inside the jail. The hallmark binary embeds it and starts it from memory; it is of
// no use by itself.
package main

import (
	"context"
	"os"

	"github.com/hallmark-ml/hallmark/sandbox/guest"
)

func main() { os.Exit(guest.Main(context.Background(), os.Args)) }
