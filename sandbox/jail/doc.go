// Package jail runs the guest, the process that reads a submitted model file, so that it can do nothing but compute and
// answer: no file, no network, no other process, no descriptor or environment of ours, bounded memory, time and output.
//
// It has two halves. [Start] is the supervisor's: it starts the guest from a sealed memory file, in new namespaces,
// with four descriptors and three environment variables, talks it into the jail, watches it and says how it ended.
// [Enter] is the guest's: called first thing in its main, before a byte of the model is looked at, it takes away in this
// order
//
//	file system    pivot_root into an empty, read-only tmpfs                  (tier full)
//	limits         core, file size, descriptors, threads, CPU, memory
//	privileges     no_new_privs, Landlock handling everything and allowing nothing, all capabilities, dumpable
//	system calls   a seccomp allow-list on all threads, that kills
//
// then tests itself and reports which layers are on. The supervisor compares that list with what the tier promises, and
// looks for itself at what the kernel says about the process. A layer that is missing ends the run as unsandboxed; a
// weaker tier is used only by a caller that asks for it by name.
//
// Descriptors of the guest: 0 requests, 1 replies (both in frames of package wire), 2 a bounded log, 3 the model, which
// is mapped and closed before the jail shuts.
//
// Two tiers: full has seven new namespaces; no-namespaces is what containers and hardened hosts still allow. The process
// of either runs as an unprivileged user, also when the supervisor is root.
//
// Lock-down covers all threads of a process with [syscall.AllThreadsSyscall], which binaries built with cgo do not have.
// The guest is built with CGO_ENABLED=0; the supervisor may be built either way.
package jail
