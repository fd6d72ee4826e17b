package sample

// window holds the last tokens of a sequence.
type window struct {
	ids    []int32 // its capacity is the size of the window
	oldest int     // once ids is full
	adjust []float32
	times  []int32 // by id; all 0 between calls
}

func (w *window) add(id int32) {
	switch {
	case cap(w.ids) == 0:
	case len(w.ids) < cap(w.ids):
		w.ids = append(w.ids, id)
	default:
		w.ids[w.oldest] = id
		w.oldest = (w.oldest + 1) % len(w.ids)
	}
}

// penalise returns logits with the penalties, in a copy if there are any.
func (s *Sampler) penalise(logits []float32) []float32 {
	w := &s.window
	if len(w.ids) == 0 {
		return logits
	}
	if cap(w.adjust) < len(logits) {
		w.adjust, w.times = make([]float32, len(logits)), make([]int32, len(logits))
	}
	adjusted, times := w.adjust[:len(logits)], w.times[:len(logits)]
	copy(adjusted, logits)
	for _, id := range w.ids {
		if uint(id) < uint(len(times)) {
			times[id]++
		}
	}
	for _, id := range w.ids {
		if uint(id) < uint(len(times)) && times[id] > 0 {
			adjusted[id] = s.cfg.penalty(adjusted[id], times[id])
			times[id] = 0
		}
	}
	return adjusted
}

// penalty is the logit v of a token that was there a number of times.
func (c Config) penalty(v float32, times int32) float32 {
	if c.repeats() {
		if v > 0 {
			v /= c.RepeatPenalty
		} else {
			v = float32(v * c.RepeatPenalty)
		}
	}
	return v - float32(float32(times)*c.FrequencyPenalty) - c.PresencePenalty
}
