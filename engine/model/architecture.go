package model

import "strings"

// architecture describes what sets the models of one kind apart from the plain ones, which are: a residual stream; in each
// block attention and then a gated feed-forward layer, each behind an RMS norm; rotary positions; a last norm and the
// output matrix, which is the embeddings again where the file has no other.
//
// Source: the model definitions of llama.cpp v0.5.0 (src/models), which the files are made for.
type architecture struct {
	name string

	rotateHalves bool // rotary positions turn element i with i+rotated/2, not 2i with 2i+1
	factors      bool // frequencies may be divided by the tensors rope_freqs, or rope_factors_long and _short
	fused        bool // queries, keys and values may be one matrix, gate and up are one
	tied         bool // there is no output matrix of its own
	headNorms    bool // a norm for each head of queries and keys, before rotation
	postNorms    bool // norms behind attention and feed-forward, before they are added to the stream
	gelu         bool // GELU in place of SiLU
	scaledInput  bool // embeddings of tokens are multiplied by the root of their size
	biases       biases

	attentionCap, finalCap caps
	window                 window

	// largeLayers is the number of blocks of the size whose queries are scaled by the root of the embedding's share of a
	// head, in place of that of a head's size; 0: there is none.
	largeLayers int
}

// biases are the places where the file may have a vector to add to a product.
type biases uint8

const (
	qkvBias biases = 1 << iota
	attentionOutputBias
	feedForwardBias
	outputBias
)

// caps bounds numbers to -c..c softly.
type caps struct {
	there bool
	value float64 // if the file has none; 0: not bounded
}

// window is about blocks that see the latest positions only.
type window struct {
	there     bool
	size      int     // if the file has none; 0: all blocks see everything
	period    int     // the last block of so many sees everything; 0: none does
	ownBase   float64 // base of these blocks' rotary positions if the file has none; 0: that of the others
	unscaled  bool    // rope scaling is for blocks that see everything
	baseKeyed bool    // the file may name the base
}

// architectures lists what is supported.
var architectures = []architecture{
	{name: "llama", factors: true, biases: qkvBias | attentionOutputBias | feedForwardBias},
	{name: "qwen2", rotateHalves: true, biases: qkvBias | outputBias},
	{name: "qwen3", rotateHalves: true, headNorms: true, biases: qkvBias},
	{name: "phi3", rotateHalves: true, factors: true, fused: true, biases: qkvBias, window: window{there: true}},
	{
		name: "gemma2", rotateHalves: true, tied: true, postNorms: true, gelu: true, scaledInput: true, biases: qkvBias,
		attentionCap: caps{true, 50}, finalCap: caps{true, 30}, largeLayers: 46,
		window: window{there: true, size: 4096, period: 2, baseKeyed: true},
	},
	{
		name: "gemma3", rotateHalves: true, headNorms: true, postNorms: true, gelu: true, scaledInput: true, biases: qkvBias,
		finalCap: caps{true, 0}, largeLayers: 62,
		window: window{there: true, period: 6, ownBase: 10000, unscaled: true, baseKeyed: true},
	},
}

// architectureOf returns the description of the architecture of that name.
func architectureOf(name string) (*architecture, bool) {
	for i := range architectures {
		if architectures[i].name == name {
			return &architectures[i], true
		}
	}
	return &architectures[0], false
}

// Architectures returns the names of the supported architectures.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

func supported() string { return strings.Join(Architectures(), ", ") }
