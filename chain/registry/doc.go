// Package registry holds the bindings of ModelRegistry.sol: packing of calls, unpacking of results, events and custom
// errors. All but this file is generated from the artifact that package contracts embeds.
package registry

//go:generate go run gen.go
