package model

import (
	"slices"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// intervene does what the part asks for with the values x of a layer at position i: adds to them and hands them out.
func (p *Part) intervene(layer, i int, x []float32) {
	for _, a := range p.Add {
		if a.Layer == layer && a.From <= i && i < a.To {
			kernel.Add(x, a.Vector)
		}
	}
	h := p.Hidden
	if h == nil {
		return
	}
	l, ok := slices.BinarySearch(h.Layers, layer)
	if !ok {
		return
	}
	if at, ok := slices.BinarySearch(h.At, i); ok {
		copy(h.Values[(l*len(h.At)+at)*len(x):][:len(x)], x)
	}
}

// wants says whether the values of a layer at position i are asked for.
func (h *Hidden) wants(layer, i int) bool {
	if h == nil {
		return false
	}
	_, a := slices.BinarySearch(h.Layers, layer)
	_, b := slices.BinarySearch(h.At, i)
	return a && b
}
