package probe

import (
	"context"
	"fmt"
)

// A Measurement is the outcome of one case of a measuring detector. It holds no floating point: what was measured is
// rounded to decimals that are the same on every machine.
type Measurement struct {
	Judgement
	Prompt, Output string            // what evidence shows of it
	Control        string            // output of the control arm, of a detector that has one
	Metrics        map[string]string // decimals
	PromptTokens   int               // that the model read
	OutputTokens   int               // that it wrote
}

// A Lab is what the cases of one run's measuring detectors share.
type Lab struct {
	WhiteBox
	Seed uint64

	known map[string]any
}

// NewLab returns a lab for a run.
func NewLab(m WhiteBox, seed uint64) *Lab {
	return &Lab{WhiteBox: m, Seed: seed, known: make(map[string]any)}
}

// Once computes what several cases need, such as the norms of all embeddings, at its first use. A run that is resumed
// computes it again, so it must depend on the model, the seed and the key alone. Errors are not kept.
func Once[T any](lab *Lab, key string, compute func() (T, error)) (T, error) { //nolint:ireturn // the type that the caller names
	if v, ok := lab.known[key].(T); ok {
		return v, nil
	}
	v, err := compute()
	if err != nil {
		return v, err
	}
	lab.known[key] = v
	return v, nil
}

// Measured reports whether the case is one of a measuring detector, to be run with [Case.Measure].
func (c Case) Measured() bool { return c.detector.Kind == Measuring }

// In reports whether a tier runs the case, or the part of it that needs no generated text.
func (c Case) In(tier Tier) bool { return c.detector.In(tier) }

// Measure runs the case on a model. An error that wraps [hallmark.ErrUnavailable] says that the model does not show what
// the detector has to see.
func (c Case) Measure(ctx context.Context, lab *Lab) (Measurement, error) {
	m, err := c.detector.measure(ctx, lab, c)
	if err != nil {
		return Measurement{}, fmt.Errorf("measuring %s: %w", c.Detector, err)
	}
	return m, nil
}

// Inspect judges what needs no generated text. An empty outcome says that the case is to be generated.
func (c Case) Inspect(ctx context.Context, m Model) (Judgement, error) {
	if c.detector.inspect == nil {
		return Judgement{}, nil
	}
	return c.detector.inspect(ctx, m, c)
}
