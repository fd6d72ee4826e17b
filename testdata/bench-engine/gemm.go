package main

import (
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// gemm multiplies a Q8_0 matrix by n vectors with the kernel alone, in one thread.
func gemm(rows, cols, n int) (answer, error) {
	data := make([]byte, rows*cols/32*34)
	for i := range data {
		data[i] = byte(i * 7)
		if i%34 < 2 {
			data[i] = [2]byte{0, 0x20}[i%34] // the scale 2^-7
		}
	}
	m, err := kernel.NewMatrix(gguf.Q8_0, rows, cols, data)
	if err != nil {
		return answer{}, err
	}
	m.Pack(1)
	x := kernel.NewVectors(n, cols, m.Form())
	for t := range n {
		row := x.Row(t)
		for i := range row {
			row[i] = float32(someID(i+t, 255)-127) / 64
		}
		x.Quantise(t)
	}
	dst, scratch := make([]float32, n*rows), kernel.NewScratch(cols)
	m.Mul(dst, x, n, 0, rows, scratch)
	c := newClock()
	const times = 4
	for range times {
		m.Mul(dst, x, n, 0, rows, scratch)
	}
	a := c.stop(0)
	a.Ops = times * 2 * float64(rows) * float64(cols) * float64(n)
	return a, nil
}

// force makes the kernels use one instruction set.
func force(isa string) error {
	if isa == "" {
		return nil
	}
	return kernel.SetISA(isa)
}
