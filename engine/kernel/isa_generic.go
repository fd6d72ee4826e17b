//go:build (!amd64 && !arm64 && !riscv64) || purego

package kernel

// levels is empty on machines without assembly.
var levels []*level
