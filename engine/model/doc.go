// Package model runs transformer models of the llama architecture on the CPU.
//
// Its logits are the same bits on every machine, for every number of threads and every way of cutting a prompt into
// calls; [Version] names the arithmetic. See package kernel for how.
package model
