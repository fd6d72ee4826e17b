// Command cmd writes the models of package small to files NAME.gguf in the directory that its argument names.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-ml/hallmark/engine/quant/testdata/small"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one directory is needed, not %q", args)
	}
	for _, name := range small.Names() {
		var b bytes.Buffer
		if err := small.Write(&b, name); err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(args[0], name+".gguf"), b.Bytes(), 0o600); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return nil
}
