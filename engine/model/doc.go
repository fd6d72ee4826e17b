// Package model runs transformer models on the CPU: those of the architectures that [Architectures] names, from GGUF files
// whose weights it reads in place.
//
// A [Sequence] is one text. [Sequence.Append] computes the next part of one, [Model.Compute] of many at once; package batch
// generates with it. Logits are the same bits on every machine, for every number of threads, every way of cutting texts into
// calls and all company in a call; [Version] names the arithmetic. See package kernel for how.
package model
