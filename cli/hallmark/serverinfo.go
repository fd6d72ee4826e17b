package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-ml/hallmark"
)

// Names in a data directory.
const (
	serverInfoFile = "server.json"
	apiKeyFile     = "api-key"
)

// serverInfo says where a running server answers. It is written when all its parts do.
type serverInfo struct {
	API      string `json:"api"`
	Evidence string `json:"evidence"`
	RPC      string `json:"rpc"`
	Contract string `json:"contract"`
	PID      int    `json:"pid"`
}

func readServerInfo(dir string) (serverInfo, error) {
	var info serverInfo
	raw, err := os.ReadFile(filepath.Join(dir, serverInfoFile))
	if errors.Is(err, os.ErrNotExist) {
		return info, hallmark.WithHint(fmt.Errorf("no server has run in %s: %w", dir, hallmark.ErrUnavailable), "start it: hallmark server --data-dir "+dir)
	}
	if err != nil {
		return info, fmt.Errorf("server file: %w", err)
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return info, fmt.Errorf("server file in %s: %w: %w", dir, err, hallmark.ErrInvalid)
	}
	return info, nil
}

// writeFileAtomic replaces a file in one step, so that readers see the old or the new one.
func writeFileAtomic(path string, text []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
