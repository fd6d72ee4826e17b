package sample

import (
	"errors"
	"fmt"
)

// Limits of a [Config].
const (
	maxTemperature   = 100
	maxPenalty       = 100
	maxPenaltyWindow = 1 << 16

	defaultPenaltyWindow = 64
)

// Config says how to choose. The zero Config is greedy. The steps are taken in the order of the fields, each on what the
// one before has left.
type Config struct {
	// Seed starts the random numbers.
	Seed uint64

	// PenaltyWindow is how many of the last tokens the three penalties look at; 64 if zero, at most 65,536.
	PenaltyWindow int
	// RepeatPenalty divides the positive logits of the window's tokens and multiplies the others, once a token. Off if 0 or 1.
	RepeatPenalty float32
	// FrequencyPenalty is taken from the logit of a token once for every time that the window holds it.
	FrequencyPenalty float32
	// PresencePenalty is taken from the logit of every token of the window once.
	PresencePenalty float32

	// Temperature divides the logits; the most likely token is taken if it is not above 0, and nothing below matters.
	Temperature float32
	// TopK keeps that many of the most likely tokens; all if it is not above 0.
	TopK int
	// TopP keeps the most likely tokens until their probabilities reach it; all if it is not between 0 and 1.
	TopP float32
	// MinP keeps the tokens that are at least that many times as likely as the most likely one; all if it is not above 0.
	MinP float32
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	within := func(name string, v, low, high float32) {
		if !(v >= low && v <= high) {
			errs = append(errs, fmt.Errorf("%s %v is not in %v..%v", name, v, low, high))
		}
	}
	if c.PenaltyWindow < 0 || c.PenaltyWindow > maxPenaltyWindow {
		errs = append(errs, fmt.Errorf("penalty window %d is not in 0..%d", c.PenaltyWindow, maxPenaltyWindow))
	}
	within("repeat penalty", c.RepeatPenalty, 0, maxPenalty)
	within("frequency penalty", c.FrequencyPenalty, -maxPenalty, maxPenalty)
	within("presence penalty", c.PresencePenalty, -maxPenalty, maxPenalty)
	within("temperature", c.Temperature, 0, maxTemperature)
	if c.TopK < 0 {
		errs = append(errs, fmt.Errorf("top k %d is negative", c.TopK))
	}
	within("top p", c.TopP, 0, 1)
	within("min p", c.MinP, 0, 1)
	return errors.Join(errs...)
}

func (c Config) penalises() bool {
	return c.repeats() || c.FrequencyPenalty != 0 || c.PresencePenalty != 0
}

func (c Config) repeats() bool { return c.RepeatPenalty > 0 && c.RepeatPenalty != 1 }
