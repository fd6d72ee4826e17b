package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// positions is how many positions' distributions are compared, and most the divergence that their mean may have.
const (
	positions = 64
	most      = 1e-4
)

// divergence compares the engine's distributions with llama.cpp's and prints a table.
func divergence(ctx context.Context, o options, p *peer) error {
	s := newShelf(o.cache, p)
	preset := "110M-"
	if o.quick {
		preset = "tiny-"
	}
	fmt.Printf("KL divergence of the engine from llama.cpp %s over %d positions of random %s models, every matrix of the type.\n\n", peerRelease, positions, strings.TrimSuffix(preset, "-"))
	fmt.Print("| architecture | type | mean | largest | largest logit difference | same best token | mean of llama.cpp from itself, one token a call |\n|---|---|---|---|---|---|---|\n")
	var errs []error
	for _, arch := range genmodel.Architectures() {
		for _, t := range quant.Types() {
			typ := t.String()
			if !o.rows.MatchString(arch + "/" + strings.ToLower(typ)) {
				continue
			}
			d, err := s.distance(ctx, recipe{preset: preset + arch, typ: typ})
			if err != nil {
				fmt.Printf("| %s | %s | - | - | - | %v | - |\n", arch, typ, err)
				errs = append(errs, fmt.Errorf("%s, %s: %w", arch, typ, err))
				continue
			}
			fmt.Printf("| %s | %s | %.2g | %.2g | %.2g | %d of %d | %.2g |\n", arch, typ, d.mean, d.largest, d.logit, d.same, positions, d.control)
			if !(d.mean <= most) {
				errs = append(errs, fmt.Errorf("%s, %s: %.2g", arch, typ, d.mean))
			}
		}
	}
	return errors.Join(errs...)
}

// distance is how far two models' distributions are apart.
type distance struct {
	mean, largest float64 // divergence in nats, over positions
	logit         float64 // largest difference
	same          int     // positions with the same best token
	control       float64 // mean of llama.cpp from itself, when it computes one token a call
}

func (s *shelf) distance(ctx context.Context, r recipe) (distance, error) {
	path, err := s.path(ctx, r)
	if err != nil {
		return distance{}, err
	}
	theirs, err := s.p.gold(ctx, path, positions)
	if err != nil {
		return distance{}, err
	}
	again, err := s.p.gold(ctx, path, 1)
	if err != nil {
		return distance{}, err
	}
	e := newEngine(1, 0)
	if err := e.open(path); err != nil {
		return distance{}, err
	}
	defer e.close()
	vocab := e.models[1].VocabSize()
	ids := make([]int32, positions)
	for i := range ids {
		ids[i] = someID(i, vocab)
	}
	ours, err := e.texts[1].Append(ctx, ids, model.All)
	if err != nil {
		return distance{}, err
	}
	if len(theirs) != len(ours) {
		return distance{}, fmt.Errorf("%d logits beside %d", len(theirs), len(ours))
	}
	d := between(ours, theirs, vocab)
	d.control = between(again, theirs, vocab).mean
	return d, nil
}

// gold returns llama.cpp's logits of the text, computed so many tokens at a time, with keys and values in single precision as the engine keeps them.
func (p *peer) gold(ctx context.Context, path string, chunk int) ([]float32, error) {
	dir, err := os.MkdirTemp("", "gold")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "logits")
	if err := p.run(ctx, filepath.Join(p.bin, "gold"), "--model", path, "--some", fmt.Sprint(positions), "--chunk", fmt.Sprint(chunk), "--logits", file); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

func between(ours, theirs []float32, vocab int) distance {
	var d distance
	n := len(ours) / vocab
	for i := range n {
		x, y := ours[i*vocab:][:vocab], theirs[i*vocab:][:vocab]
		kl := divergenceOf(x, y)
		d.mean += kl / float64(n)
		d.largest = max(d.largest, kl)
		if best(x) == best(y) {
			d.same++
		}
		for k := range x {
			d.logit = max(d.logit, math.Abs(float64(x[k])-float64(y[k])))
		}
	}
	return d
}

// divergenceOf is the Kullback-Leibler divergence of softmax(x) from softmax(y).
func divergenceOf(x, y []float32) float64 {
	sx, sy := logSum(x), logSum(y)
	sum := 0.0
	for i := range x {
		p, q := float64(x[i])-sx, float64(y[i])-sy
		sum += math.Exp(p) * (p - q)
	}
	return max(0, sum)
}

// logSum is the logarithm of the sum of exponentials.
func logSum(x []float32) float64 {
	top := float64(x[best(x)])
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}
