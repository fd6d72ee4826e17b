package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
)

// A RecordJournal keeps records for good: when Append returns nil, the batch outlives the process. Batches come one at a time.
type RecordJournal interface {
	Append(records [][]byte) error
}

// A Learning is what the server learns from what happens: how the cases of all runs end, and what reviewers say of findings.
// Both flow through one [al.Feedback] into a journal and from there into two learners. It ranks what is to be reviewed.
//
// Everything comes from a source with a digest, a run's plan or a review's envelope, and a source counts once, however often
// it is told: so a step that was killed tells again. Replay the journal, then Start; stop it when the steps have ended.
// It is safe for concurrent use.
type Learning struct {
	feedback *al.Feedback[outcome]
	cases    *al.Learner[outcome] // chance that a case goes against a model
	reviews  *al.Learner[outcome] // chance that a finding is a problem, as reviewers see it
	queue    *al.Queue[outcome]

	mu      sync.Mutex
	known   map[hallmark.Digest]bool     // sources that were learned
	telling map[hallmark.Digest]*telling // sources on their way
	queued  map[string]bool              // what the queue was given to rank
}

// A telling is a source on its way into the learners.
type telling struct {
	learned chan struct{} // closed when it is, or when err is set
	err     error
}

// outcomeKind says what an outcome is of.
type outcomeKind string

const (
	caseOutcome   outcomeKind = "case"
	reviewOutcome outcomeKind = "review"
)

// An outcome is one item of feedback, as the journal has it.
type outcome struct {
	Source   hallmark.Digest   `json:"source"`
	Kind     outcomeKind       `json:"kind"`
	ID       string            `json:"id"` // of the case, or of the finding in the queue
	Detector string            `json:"detector"`
	Template string            `json:"template,omitempty"`
	Rule     string            `json:"rule,omitempty"`
	Severity hallmark.Severity `json:"severity,omitempty"`
	// Positive: the case goes against the model, or the finding is a problem.
	Positive bool `json:"positive"`
}

// outcomeFeatures are those of [outcome].
type outcomeFeatures struct{}

var (
	fieldDetector = al.NewField("detector")
	fieldTemplate = al.NewField("template")
	fieldRule     = al.NewField("rule")
	fieldSeverity = al.NewField("severity")
	fieldWhich    = al.NewField("detector and rule")
)

// Dim implements [al.FeatureExtractor].
func (outcomeFeatures) Dim() int { return 256 }

// Extract implements [al.FeatureExtractor]. The rule of a case is left out: it says how the case ended.
func (outcomeFeatures) Extract(v al.Vector, o outcome) {
	v.Category(fieldDetector, o.Detector)
	v.Category(fieldTemplate, o.Template)
	if o.Kind == reviewOutcome {
		v.Category(fieldRule, o.Rule)
		v.Category(fieldSeverity, string(o.Severity))
		v.Cross(fieldWhich, o.Detector, o.Rule)
	}
}

// What is expected before anything was learned: one case in ten goes against a model, and half of what a policy leaves to
// a person is a problem.
const (
	casePrior   = 0.1
	reviewPrior = 0.5
	// sameDetector is how many findings of one detector are shown before those of others.
	sameDetector = 4
)

// NewLearning returns a learning that knows nothing yet.
func NewLearning(journal RecordJournal) *Learning {
	l := &Learning{
		cases:   al.NewLearner(outcomeFeatures{}, casePrior, 1),
		reviews: al.NewLearner(outcomeFeatures{}, reviewPrior, 2),
		known:   make(map[hallmark.Digest]bool), telling: make(map[hallmark.Digest]*telling), queued: make(map[string]bool),
	}
	l.queue = al.NewQueue(l.reviews, func(o outcome) string { return o.Detector }, sameDetector)
	l.feedback = al.NewFeedback(outcomeJournal{journal}, l.learn)
	return l
}

// outcomeJournal writes outcomes as records.
type outcomeJournal struct{ records RecordJournal }

// Append implements [al.Journal].
func (j outcomeJournal) Append(batch []outcome) error {
	records := make([][]byte, len(batch))
	for i, o := range batch {
		text, err := json.Marshal(o)
		if err != nil {
			return err
		}
		records[i] = text
	}
	return j.records.Append(records)
}

// Replay learns a batch of the journal, before Start.
func (l *Learning) Replay(records [][]byte) error {
	batch := make([]outcome, len(records))
	for i, text := range records {
		if err := hallmark.DecodeJSON(text, &batch[i]); err != nil {
			return fmt.Errorf("outcome %d: %w", i, err)
		}
	}
	l.learn(batch)
	return nil
}

// Start takes what is told from now on.
func (l *Learning) Start() error { return l.feedback.Start() }

// Stop ends it, once everything that was told is kept and learned.
func (l *Learning) Stop(ctx context.Context) error {
	if err := l.feedback.Stop(ctx); err != nil {
		return fmt.Errorf("stop feedback: %w", err)
	}
	l.cases.Stop()
	l.reviews.Stop()
	return nil
}

// A LearningHealth says how a [Learning] does.
type LearningHealth struct {
	State    string // of its life: pending, running, stopping, stopped
	Degraded bool   // submissions are put together before they go on
	Taken    uint64 // outcomes that this process took
	Learned  uint64 // outcomes in the learners, those of earlier processes included
	Err      error  // of the journal; nothing is taken after it
}

// Health tells how it does.
func (l *Learning) Health() LearningHealth {
	h := l.feedback.Health()
	return LearningHealth{string(h.State), h.Degraded, h.Seen, l.cases.Health().Seen + l.reviews.Health().Seen, h.Err}
}

// learn takes a batch, in which every source is whole, into the learners. It is called by one goroutine at a time.
func (l *Learning) learn(batch []outcome) {
	var labels []al.Label[outcome]
	for _, o := range batch {
		if o.Kind == caseOutcome {
			labels = append(labels, al.Label[outcome]{Item: o, Positive: o.Positive})
			continue
		}
		l.queue.Add(o.ID, o)
		_ = l.queue.Decide(o.ID, o.Positive) // it is in the queue, and its learner is never stopped
	}
	if len(labels) > 0 {
		_ = l.cases.Learn(labels...) // never stopped
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range batch {
		l.known[o.Source] = true
		if t := l.telling[o.Source]; t != nil {
			delete(l.telling, o.Source)
			close(t.learned)
		}
	}
}

// tell takes all outcomes of a source, and returns once they are kept and learned. What was told before is not taken again.
// ErrUnavailable says that nothing was taken, because there is too much to do or the journal is broken.
func (l *Learning) tell(ctx context.Context, source hallmark.Digest, outcomes []outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	l.mu.Lock()
	if l.known[source] {
		l.mu.Unlock()
		return nil
	}
	t, under := l.telling[source]
	if !under {
		t = &telling{learned: make(chan struct{})}
		l.telling[source] = t
	}
	l.mu.Unlock()
	if !under {
		// Without the caller's end: what was submitted is kept, and must then be known to be.
		if err := l.feedback.Submit(context.WithoutCancel(ctx), outcomes...); err != nil {
			l.give(source, t, err)
		}
	}
	select {
	case <-t.learned:
		return t.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give ends a telling that failed.
func (l *Learning) give(source hallmark.Digest, t *telling, err error) {
	if !errors.Is(err, hallmark.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.telling, source)
	t.err = fmt.Errorf("feedback: %w", err)
	close(t.learned)
}

// tellRun tells how the cases of a report ended; void ones say nothing.
func (l *Learning) tellRun(ctx context.Context, r hallmark.Report) error {
	outcomes := make([]outcome, 0, len(r.Cases))
	for _, c := range r.Cases {
		if c.Outcome == hallmark.Void {
			continue
		}
		outcomes = append(outcomes, outcome{
			Source: r.Plan, Kind: caseOutcome, ID: c.ID, Detector: c.Detector, Template: c.Template, Positive: c.Outcome != hallmark.Pass,
		})
	}
	return l.tell(ctx, r.Plan, outcomes)
}

// learn is the job that tells the outcomes of a run that is over. It waits for nobody and nobody waits for it: the version
// rests already.
func (f *Flow) learn(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
	t, err := f.load(ctx, job)
	if err != nil {
		return nil, err
	}
	if t.version.Submission != job.Submission || t.version.Report.IsZero() {
		return nil, nil //nolint:nilnil // nothing to write
	}
	report, err := f.report(ctx, t.version)
	if err != nil {
		return nil, err
	}
	return nil, f.cfg.Learning.tellRun(ctx, *report)
}
