// Package contracts embeds the compiled ModelRegistry, so that the chain package can deploy it and compare it with what
// lies at an address. The sources, the exact compiler input and the tests are beside this file; build.mjs makes both
// committed files again, byte for byte.
package contracts

import (
	_ "embed" // the artifact is part of the binary
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed artifacts/ModelRegistry.json
var modelRegistry []byte

// An Artifact is a compiled contract.
type Artifact struct {
	Compiler string          // exact version of the compiler
	ABI      json.RawMessage // JSON array
	Creation []byte          // creation code; the ABI-encoded constructor arguments follow it in a transaction
	Runtime  []byte          // code at the address, with zeros where Immutable values go
	// Immutable lists the ranges of Runtime that the constructor fills.
	Immutable []Range
	Metadata  string // the compiler's metadata; its IPFS hash ends Runtime
}

// A Range is Length bytes from Start.
type Range struct {
	Start  int `json:"start"`
	Length int `json:"length"`
}

// ModelRegistry returns the compiled registry. The slices are shared: do not change them.
var ModelRegistry = sync.OnceValue(func() Artifact {
	a, err := parse(modelRegistry)
	if err != nil {
		panic(err) // the embedded file is ours; TestArtifact reads it
	}
	return a
})

func parse(raw []byte) (Artifact, error) {
	var file struct {
		Compiler            string             `json:"compiler"`
		ABI                 json.RawMessage    `json:"abi"`
		Bytecode            string             `json:"bytecode"`
		DeployedBytecode    string             `json:"deployedBytecode"`
		ImmutableReferences map[string][]Range `json:"immutableReferences"`
		Metadata            string             `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return Artifact{}, fmt.Errorf("contract artifact: %w", err)
	}
	a := Artifact{Compiler: file.Compiler, ABI: file.ABI, Metadata: file.Metadata}
	var err error
	if a.Creation, err = hex.DecodeString(strings.TrimPrefix(file.Bytecode, "0x")); err != nil {
		return Artifact{}, fmt.Errorf("contract artifact: bytecode: %w", err)
	}
	if a.Runtime, err = hex.DecodeString(strings.TrimPrefix(file.DeployedBytecode, "0x")); err != nil {
		return Artifact{}, fmt.Errorf("contract artifact: deployed bytecode: %w", err)
	}
	for _, ranges := range file.ImmutableReferences {
		for _, r := range ranges {
			if r.Start < 0 || r.Length < 0 || r.Start+r.Length > len(a.Runtime) {
				return Artifact{}, fmt.Errorf("contract artifact: immutable value at %d+%d lies outside the code", r.Start, r.Length)
			}
			a.Immutable = append(a.Immutable, r)
		}
	}
	return a, nil
}

// Matches reports whether code, as read from a chain, is this contract, whatever its constructor was given.
func (a Artifact) Matches(code []byte) bool {
	if len(code) != len(a.Runtime) {
		return false
	}
	masked := append([]byte(nil), code...)
	for _, r := range a.Immutable {
		clear(masked[r.Start : r.Start+r.Length])
	}
	return string(masked) == string(a.Runtime)
}
