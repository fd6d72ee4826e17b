// Package gguf reads and writes GGUF files, the container of model weights, tokenizer and hyper-parameters.
//
// The reader treats its input as hostile: it allocates in proportion to bytes that are really there, never to a count
// that the file claims; all sizes are checked for overflow; and a file it accepts has tensors that lie inside the file
// and do not overlap. Everything else ends in a typed error (see [ParseError]).
//
// Source: the GGUF specification, version 3. Version 2 has the same layout and is read too.
package gguf
