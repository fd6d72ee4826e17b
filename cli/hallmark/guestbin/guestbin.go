// Package guestbin holds the guest, the program of the jailed process, inside the hallmark binary. The build puts it into
// the folder bin before the hallmark binary is built; the README there keeps the folder in a fresh clone.
package guestbin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hallmark-ml/hallmark"
)

//go:embed all:bin
var bin embed.FS

// Guest returns the guest's bytes. A binary that was built without them is hallmark.ErrUnavailable with a hint.
func Guest() ([]byte, error) { return guest(bin) }

func guest(files fs.FS) ([]byte, error) {
	b, err := fs.ReadFile(files, "bin/guest")
	if err != nil {
		err = fmt.Errorf("read the embedded guest: %w", errors.Join(err, hallmark.ErrUnavailable))
		return nil, hallmark.WithHint(err, "run make build")
	}
	return b, nil
}
