//go:build amd64 || arm64 || riscv64

package jail

// cloneShared makes the system call trap, clone or clone3 with its first two arguments, and returns in the caller with the child's id,
// or the negative of an error. In the child it calls runChild on the stack that the arguments name. alive is what clone's
// CLONE_CHILD_CLEARTID clears.
func cloneShared(trap, a1, a2, alive uintptr, c *child) int
