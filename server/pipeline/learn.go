package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
)

// A RecordJournal keeps records for good: when Append returns nil, the batch outlives the process. Calls come one at a time.
type RecordJournal interface {
	Append(records [][]byte) error
	// Size is how long it is, in bytes.
	Size() int64
	// Restart puts a snapshot in the place of all records so far, at once for whoever reads it later. After an error the
	// journal is as it was, or Append fails from then on.
	Restart(snapshot []byte) error
}

// A Learning is what the server learns from what happens: how the cases of all runs end, and what reviewers say of findings.
// Both flow through one [al.Feedback] into a journal and from there into two learners. It ranks what is to be reviewed.
//
// Everything comes from a source with a digest, a run's plan or a review's envelope, and a source counts once, however often
// it is told: so a step that was killed tells again. Replay the journal, then Start; stop it when the steps have ended.
// It is safe for concurrent use.
type Learning struct {
	journal  *outcomeJournal
	feedback *al.Feedback[outcome]
	cases    *al.Learner[outcome] // chance that a case goes against a model
	reviews  *al.Learner[outcome] // chance that a finding is a problem, as reviewers see it
	queue    *al.Queue[outcome]

	mu      sync.Mutex
	applied *sync.Cond                   // learned grew
	learned uint64                       // outcomes that were applied
	known   map[hallmark.Digest]bool     // sources that were learned
	order   []hallmark.Digest            // the same, oldest first: at most mostSources
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
	// mostSources is how many sources are known to have been learned. One that was told before so many others would count
	// twice if it were told again; steps that are killed tell again at once.
	mostSources = 1 << 18
)

// NewLearning returns a learning that knows nothing yet. When its journal is longer than limit bytes, it is begun anew with a
// snapshot of what was learned.
func NewLearning(journal RecordJournal, limit int64, log *slog.Logger) *Learning {
	l := &Learning{
		cases:   al.NewLearner(outcomeFeatures{}, casePrior, 1),
		reviews: al.NewLearner(outcomeFeatures{}, reviewPrior, 2),
		known:   make(map[hallmark.Digest]bool), telling: make(map[hallmark.Digest]*telling), queued: make(map[string]bool),
	}
	l.queue = al.NewQueue(l.reviews, func(o outcome) string { return o.Detector }, sameDetector)
	l.applied = sync.NewCond(&l.mu)
	l.journal = &outcomeJournal{records: journal, limit: limit, next: limit, snapshot: l.snapshot, log: log}
	l.feedback = al.NewFeedback(l.journal, l.learn)
	return l
}

// An outcomeJournal writes outcomes as records, and begins their journal anew when it is long. Only the goroutine of the
// feedback that keeps batches uses it, once that has started.
type outcomeJournal struct {
	records RecordJournal
	limit   int64  // bytes
	next    int64  // how long the journal has to be to be begun anew
	kept    uint64 // outcomes in it, the snapshot's included
	// snapshot is what the first outcomes, so many, come to.
	snapshot func(kept uint64) ([]byte, error)
	log      *slog.Logger
	long     atomic.Bool // it was not begun anew the last time
}

// Append implements [al.Journal].
func (j *outcomeJournal) Append(batch []outcome) error {
	if j.records.Size() > j.next {
		j.restart()
	}
	records := make([][]byte, len(batch))
	for i, o := range batch {
		text, err := json.Marshal(o)
		if err != nil {
			return err
		}
		records[i] = text
	}
	if err := j.records.Append(records); err != nil {
		return err
	}
	j.kept += uint64(len(batch))
	return nil
}

// restart begins the journal anew. It is tried again when the journal has doubled, or has grown by its limit: a snapshot that
// is long itself is not written too often, and what fails now (the disk is full, say) costs nothing but room.
func (j *outcomeJournal) restart() {
	snapshot, err := j.snapshot(j.kept)
	if err == nil {
		err = j.records.Restart(snapshot)
	}
	j.long.Store(err != nil)
	size := j.records.Size()
	j.next = max(j.limit, 2*size)
	if err != nil {
		j.next = size + j.limit
		j.log.Warn("the journal of feedback was not begun anew and grows on", slog.Any("cause", err), slog.Int64("bytes", size))
	}
}

// A learned is all that a [Learning] knows, as the journal's snapshot has it.
type learned struct {
	Cases   al.LearnerState `json:"cases"`
	Reviews al.LearnerState `json:"reviews"`
	Queue   al.QueueState   `json:"queue"`
	Sources []byte          `json:"sources"` // digests, one after the other, oldest first
}

// snapshot waits until the first outcomes of the journal, so many, are learned, and writes down what they come to. Nothing
// else is learned meanwhile: whoever keeps the next ones calls it.
func (l *Learning) snapshot(kept uint64) ([]byte, error) {
	l.mu.Lock()
	for l.learned < kept {
		l.applied.Wait()
	}
	sources := make([]byte, 0, len(l.order)*len(hallmark.Digest{}))
	for _, d := range l.order {
		sources = append(sources, d[:]...)
	}
	l.mu.Unlock()
	return json.Marshal(learned{l.cases.State(), l.reviews.State(), l.queue.State(), sources})
}

// ReplaySnapshot takes up what a journal was begun anew with, before Replay.
func (l *Learning) ReplaySnapshot(text []byte) error {
	var s learned
	if err := hallmark.DecodeJSON(text, &s); err != nil {
		return err
	}
	if err := errors.Join(l.cases.Restore(s.Cases), l.reviews.Restore(s.Reviews), l.queue.Restore(s.Queue)); err != nil {
		return err
	}
	const size = len(hallmark.Digest{})
	if len(s.Sources)%size != 0 || len(s.Sources)/size > mostSources {
		return fmt.Errorf("%d bytes of sources: %w", len(s.Sources), hallmark.ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for digest := range slices.Chunk(s.Sources, size) {
		l.remember(hallmark.Digest(digest))
	}
	l.learned = s.Cases.Seen + s.Reviews.Seen
	l.journal.kept = l.learned
	return nil
}

// remember notes a source that was learned, and forgets the oldest if there are too many. l.mu is held.
func (l *Learning) remember(source hallmark.Digest) {
	if l.known[source] {
		return
	}
	l.known[source] = true
	if l.order = append(l.order, source); len(l.order) > mostSources {
		delete(l.known, l.order[0])
		l.order = l.order[1:]
	}
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
	l.journal.kept += uint64(len(batch))
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
	Growing  bool   // the journal could not be begun anew when it was to be
}

// Health tells how it does.
func (l *Learning) Health() LearningHealth {
	h := l.feedback.Health()
	return LearningHealth{
		State: string(h.State), Degraded: h.Degraded, Taken: h.Seen, Learned: l.cases.Health().Seen + l.reviews.Health().Seen, Err: h.Err, Growing: l.journal.long.Load(),
	}
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
	l.learned += uint64(len(batch))
	l.applied.Broadcast()
	for _, o := range batch {
		l.remember(o.Source)
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
