// Package token turns text into the token ids of a model and back, from the vocabulary in its GGUF file.
//
// It knows the kinds of vocabulary that most models have: byte-level BPE with a pre-tokenizer ("gpt2"), SentencePiece's
// BPE with scores and byte tokens ("llama"), Gemma 4's BPE over characters ("gemma4") and WordPiece ("bert").
// Pre-tokenizers are matchers written by hand, one pass over the text without backtracking; the patterns they stand for
// are in their comments.
//
// A vocabulary comes from a file that somebody else made. [New] checks all of it, and refuses by name what it does not
// know. [Tokenizer.Encode] then takes time in proportion to the text (times the logarithm of the longest word, and the
// length of the longest token), whatever the vocabulary and the text are.
//
// Text never becomes a control token unless [EncodeOptions].ParseSpecial asks for it, and what stands in
// [EncodeOptions].Literal never does.
package token
