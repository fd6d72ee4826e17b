package model

import (
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// scaling says how rotary positions are stretched over a longer context than the weights were first trained for.
type scaling struct {
	yarn      bool
	factor    float64 // angles are divided by it
	magnitude float64 // cosines and sines are multiplied by it
	original  int     // positions of the first training
}

// ropeScaling reads how positions are stretched.
func (k *keyReader) ropeScaling(context int) scaling {
	s := scaling{factor: 1, magnitude: float64(k.float("rope.scaling.attn_factor", 0, 1)), original: k.number("rope.scaling.original_context_length", MaxContext, context)}
	kind, named := k.f.String(k.arch.name + ".rope.scaling.type")
	if _, there := k.value("rope.scaling.type"); there && !named {
		k.fail(gguf.ErrInvalid, "%s.rope.scaling.type is not a text", k.arch.name)
	}
	key := "rope.scaling.factor"
	if _, there := k.value(key); !there {
		key = "rope.scale_linear" // its name in old files
	}
	if f := float64(k.float(key, 0, 1)); f > 0 && f < 1 || f > 1<<16 {
		k.fail(gguf.ErrInvalid, "%s.%s is %v, not 0 or in 1..65536", k.arch.name, key, f)
	} else if f > 0 {
		s.factor = f
	}
	switch {
	case !named || kind == "linear":
	case kind == "none":
		s.factor = 1
	case kind == "longrope" && k.arch.factors:
	case kind == "yarn":
		s.yarn = true
		s.magnitude = float64(s.magnitude * (1 + float64(0.1*kernel.Log(s.factor))))
		if _, there := k.value("rope.scaling.yarn_log_multiplier"); there {
			k.fail(gguf.ErrUnsupported, "%s.rope.scaling.yarn_log_multiplier", k.arch.name)
		}
	default:
		k.fail(gguf.ErrUnsupported, "rope scaling %.40q; supported: none, linear, yarn, and longrope where the architecture has it", kind)
	}
	return s
}

// rotation turns queries and keys.
type rotation struct {
	kernel.Rotation
	magnitude float32
}

// newRotation returns the rotation of the first dims elements of heads; factors divide the angles and may be nil.
func newRotation(dims int, base float32, s scaling, factors []float32) rotation {
	freq := kernel.Frequencies(dims, base)
	for i := range freq {
		if factors != nil {
			freq[i] /= float64(factors[i])
		}
		keep := 0.0 // the share of the angle that is not stretched
		if s.yarn {
			keep = s.kept(i, dims, base)
		}
		freq[i] = float64(freq[i]*keep) + float64(freq[i]/s.factor*(1-keep))
	}
	return rotation{Rotation: kernel.RotationOf(freq), magnitude: float32(s.magnitude)}
}

// kept is the share of pair i that is turned as in the first training: all of pairs that turn often within its context,
// nothing of those that turn less than once. Source: Peng et al., "YaRN: efficient context window extension", 2023,
// with its choice of 32 and 1 turns, on the pair's number in place of its wavelength as the published code has it.
func (s scaling) kept(i, dims int, base float32) float64 {
	const often, once = 32, 1
	number := func(turns float64) float64 { // of the pair that turns so often in the original context
		logs := kernel.Log(float64(s.original)/float64(turns*(2*math.Pi))) / kernel.Log(float64(base))
		return float64(float64(dims)*logs) / 2
	}
	low := max(0, floor(number(often)))
	high := min(float64(dims-1), -floor(-number(once)))
	return 1 - min(1, max(0, (float64(i)-low)/max(0.001, high-low)))
}

// floor rounds down; |x| is below 2^31.
func floor(x float64) float64 {
	n := float64(int64(x))
	if n > x {
		n--
	}
	return n
}

// table sets cs to the cosines and sines of position pos.
func (r *rotation) table(cs []float32, pos int) {
	r.Table(cs, pos)
	if r.magnitude != 1 {
		kernel.Scale(cs, r.magnitude)
	}
}
