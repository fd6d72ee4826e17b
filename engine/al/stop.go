package al

// A Progress is what a run knows after each batch.
type Progress struct {
	Looked    int // items whose outcome is known
	Positives int // of these
	Left      int // items whose outcome is not known
	// Expected is how many positives the committee expects among those left.
	Expected float64
	// Uncertain is the mean entropy of the predictions of those left, in nats.
	Uncertain float64
}

// A Stop is a criterion for ending before the budget does.
type Stop interface {
	// Done says whether to end, given the progress after each batch so far, the latest last.
	Done(history []Progress) bool
}

// Recall stops when the committee expects to have found a share of all positives, after a number of items at least.
type Recall struct {
	Share  float64
	Looked int
}

// Done implements [Stop].
func (r Recall) Done(history []Progress) bool {
	if len(history) == 0 {
		return false
	}
	p := history[len(history)-1]
	found := float64(p.Positives)
	return p.Looked >= r.Looked && found >= float64(r.Share*(found+p.Expected))
}

// Certain stops when predictions are certain: their mean entropy is at most Entropy nats.
type Certain struct{ Entropy float64 }

// Done implements [Stop].
func (c Certain) Done(history []Progress) bool {
	return len(history) > 0 && history[len(history)-1].Uncertain <= c.Entropy
}

// Dry stops when the latest batches found nothing.
type Dry struct{ Batches int }

// Done implements [Stop].
func (d Dry) Done(history []Progress) bool {
	n := len(history) - 1 - d.Batches
	return d.Batches > 0 && n >= 0 && history[len(history)-1].Positives == history[n].Positives
}

// Progress sums up what is known and expected.
func (c *Controller[T]) Progress() Progress {
	var p Progress
	for i := range c.items {
		e := &c.items[i]
		if e.known {
			p.Looked++
			if e.positive {
				p.Positives++
			}
			continue
		}
		p.Left++
		mean := c.model.predict(e.part, e.features).Mean
		p.Expected += mean
		p.Uncertain += entropy(mean)
	}
	if p.Left > 0 {
		p.Uncertain /= float64(p.Left)
	}
	return p
}
