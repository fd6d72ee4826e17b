//go:build ignore

// gen writes registry.go from the committed artifact.
package main

import (
	"fmt"
	"os"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"

	"github.com/hallmark-ml/hallmark/contracts"
)

func main() {
	code, err := abigen.BindV2([]string{"Registry"}, []string{string(contracts.ModelRegistry().ABI)}, []string{""}, "registry", nil, nil)
	if err == nil {
		err = os.WriteFile("registry.go", []byte(code), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
