// Command digest prints SHA-256 sums of logits, which must be the same on every machine.
//
//	go run ./engine/model/testdata/digest testdata/models/tinychat > engine/model/testdata/digests.txt
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
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

func main() {
	for _, name := range []string{"guarded-f16", "guarded-q8_0", "guarded-q4_k_m"} {
		data, err := os.ReadFile(filepath.Join(os.Args[1], name+".gguf"))
		report(name, data, 24, err)
	}
	for _, name := range genmodel.Presets() {
		if !strings.HasPrefix(name, "tiny-") {
			continue
		}
		spec, _ := genmodel.Preset(name)
		spec.Type = gguf.F32
		var b bytes.Buffer
		err := spec.Write(&b)
		report(name, b.Bytes(), 6, err)
	}
	fmt.Printf("functions %x\n", functions())
}

// report prints the digest of a model, unless there is an error.
func report(name string, data []byte, prompt int, err error) {
	var sum []byte
	if err == nil {
		sum, err = logits(data, prompt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name, err)
		os.Exit(1)
	}
	fmt.Printf("%s %x\n", name, sum)
}

// logits computes a prompt and then 6 tokens one by one.
func logits(data []byte, prompt int) ([]byte, error) {
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	if err != nil {
		return nil, err
	}
	m, err := model.Load(f, data, model.Config{})
	if err != nil {
		return nil, err
	}
	ids := make([]int32, prompt+6)
	for i := range ids {
		ids[i] = int32((7*i*i + 13) % m.VocabSize())
	}
	s, d := m.NewSequence(), model.NewDigest()
	for at, n := 0, prompt; at < len(ids); at, n = at+n, 1 {
		out, err := s.Append(context.Background(), ids[at:at+n], model.All)
		if err != nil {
			return nil, err
		}
		d.Add(out)
	}
	return d.Sum(), nil
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
