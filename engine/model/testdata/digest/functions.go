package main

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// functions covers arguments that the models do not reach.
func functions() []byte {
	h := sha256.New()
	put := func(v ...float32) {
		for _, x := range v {
			var b [4]byte
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
			h.Write(b[:])
		}
	}
	for x := float32(-110); x < 92; x += 0.0137 {
		put(kernel.Exp(x))
	}
	r := kernel.NewRotation(64, 500000)
	cs := make([]float32, 64)
	for pos := 1; pos <= 1<<20; pos += pos/3 + 1 {
		r.Table(cs, pos)
		put(cs...)
		put(float32(kernel.Log(float64(pos))))
	}
	var dot [1]float32
	for n := 1; n < 200; n += 3 {
		a, b := make([]float32, n), make([]float32, n)
		for i := range a {
			a[i] = kernel.Exp(float32(i*i%37)-30) - 3e-5
			b[i] = kernel.Exp(float32(i*i%41)/8-2) - 3
		}
		kernel.DotRows(dot[:], a, n, b)
		put(dot[0])
		kernel.DotRows(dot[:], b, n, b)
		put(dot[0], kernel.SoftMax(a))
		put(a...)
		kernel.AddRows(a, b, 0, b)
		put(a...)
		gated(put, a, b)
	}
	return h.Sum(nil)
}

// gated covers the functions between products.
func gated(put func(...float32), a, b []float32) {
	out := make([]float32, len(a))
	for _, f := range []func(dst, x, y []float32){kernel.SwiGLU, kernel.GeGLU} {
		f(out, b, a)
		put(out...)
	}
	kernel.RMSNorm(out, b, a, 1e-5)
	put(out...)
	kernel.SoftCap(b, 0.7)
	put(b...)
}
