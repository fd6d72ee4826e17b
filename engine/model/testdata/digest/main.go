// Command digest prints SHA-256 sums of logits, which must be the same on every machine.
//
//	digest FOLDER-OF-TINYCHAT
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
)

func main() {
	for _, name := range []string{"guarded-f16", "guarded-q8_0", "guarded-q4_k_m"} {
		sum, err := logits(filepath.Join(os.Args[1], name+".gguf"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%s %x\n", name, sum)
	}
	fmt.Printf("functions %x\n", functions())
}

// logits computes a prompt of 40 tokens and 16 sampled ones.
func logits(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	if err != nil {
		return nil, err
	}
	m, err := model.Load(f, data, model.Config{})
	if err != nil {
		return nil, err
	}
	next := make([]int32, 40)
	for i := range next {
		next[i] = int32((7*i*i + 13) % m.VocabSize())
	}
	h := sha256.New()
	s, draw := m.NewSequence(), sample.New(sample.Config{Seed: 1, Temperature: 0.8, TopK: 50, TopP: 0.95})
	for range 17 {
		out, err := s.Append(context.Background(), next, model.All)
		if err != nil {
			return nil, err
		}
		if err := binary.Write(h, binary.LittleEndian, out); err != nil {
			return nil, err
		}
		next = []int32{draw.Next(out[len(out)-m.VocabSize():])}
	}
	return h.Sum(nil), nil
}

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
