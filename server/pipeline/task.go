package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
)

// A task is one step at work on one version. A step changes version and calls enter or again; only when it returns nil
// is any of that written.
type task struct {
	job      hallmark.Job
	sub      hallmark.Submission
	artifact hallmark.Artifact
	policy   *policy.Policy
	version  hallmark.Version
	events   []hallmark.Event
	next     *hallmark.Job
	delay    time.Duration
}

// enter moves the version to its next state and, unless that is where it rests, names the job that follows.
func (t *task) enter(s hallmark.State, nextJob string) {
	t.version.State = s
	t.version.Problem, t.version.Hint = "", ""
	t.events = append(t.events, t.event(hallmark.Event{Kind: hallmark.EventState, State: s}))
	if nextJob != "" {
		t.then(nextJob)
	}
}

// then names the job that follows.
func (t *task) then(kind string) {
	job := newJob(kind, t.sub.ID)
	t.next = &job
}

// newJob returns a step's job. Those that read a whole model or run it are slow.
func newJob(kind, submission string) hallmark.Job {
	return hallmark.Job{Kind: kind, Submission: submission, Slow: kind == JobFingerprint || kind == JobScan || kind == JobTest}
}

// again runs the same step after a while.
func (t *task) again(delay time.Duration) {
	t.then(t.job.Kind)
	t.next.Try, t.delay = t.job.Try+1, delay
}

// event fills in whose event e is.
func (t *task) event(e hallmark.Event) hallmark.Event {
	e.Submission, e.Model = t.job.Submission, t.version.Digest
	return e
}

// subject is the version as statements name it.
func (t *task) subject() hallmark.LineageNode {
	fp := t.version.Fingerprint
	return hallmark.LineageNode{Name: fp.Name, Kind: fp.Kind, Dir: fp.Dir, Digest: fp.Digest, CID: fp.CID}
}

// Handlers returns what does each kind of job, for the store to run. The map says which state a step starts from: a job
// that finds another one was done before, or its version was revoked or submitted anew.
func (f *Flow) Handlers() map[string]Handler {
	return map[string]Handler{
		JobFingerprint: f.handle(hallmark.StateSubmitted, f.fingerprint),
		JobScan:        f.handle(hallmark.StateFingerprinted, f.scan),
		JobPlan:        f.handle(hallmark.StateScanned, f.plan),
		JobTest:        f.handle(hallmark.StateScanned, f.test),
		JobEndRun:      f.handle(hallmark.StateScanned, f.endRun),
		JobDecide:      f.handle(hallmark.StateTested, f.decide),
		JobSign:        f.handle(hallmark.StateDecided, f.sign),
		JobPublish:     f.handle(hallmark.StateDecided, f.publish),
		JobAnchor:      f.handle(hallmark.StateAttested, f.anchor),
		JobServe:       f.handle(hallmark.StateAnchored, f.serve),
		JobLearn:       f.learn,

		JobReviewLog:    f.reviewStep(f.reviewLog),
		JobReviewAnchor: f.reviewStep(f.reviewAnchor),
		JobReviewSettle: f.reviewStep(f.reviewSettle),
	}
}

// handle wraps a step: it loads the rows, runs it, and turns the outcome into a change. What the step returns decides
// about the version (put off or failed); an error from here is the store's and makes it run the job again.
func (f *Flow) handle(from hallmark.State, step func(context.Context, *task) error) Handler {
	return func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		t, err := f.load(ctx, job)
		if err != nil {
			return nil, err
		}
		if t.version.Submission != job.Submission || t.version.State != from {
			return nil, f.dropStale(ctx, t)
		}
		before := t.version
		if err := f.run(ctx, t, step); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			t.version, t.events, t.next, t.delay = before, nil, nil, 0
			f.settle(ctx, t, err)
		}
		if err := checkTransition(from, t.version.State); err != nil {
			return nil, err
		}
		return &hallmark.Change{From: from, Version: t.version, Events: t.events, Next: t.next, Delay: t.delay}, nil
	}
}

// load reads the submission and its version.
func (f *Flow) load(ctx context.Context, job hallmark.Job) (*task, error) {
	sub, err := f.cfg.Store.Submission(ctx, job.Submission)
	if err != nil {
		return nil, err
	}
	v, err := f.cfg.Store.Version(ctx, sub.Model)
	if err != nil {
		return nil, err
	}
	return &task{job: job, sub: sub, version: v}, nil
}

// run does the step on what it needs beside the version. Problems with that end the version, not the job.
func (f *Flow) run(ctx context.Context, t *task, step func(context.Context, *task) error) error {
	var err error
	if t.artifact, err = f.cfg.Store.Artifact(ctx, t.sub.Model); err != nil {
		return err
	}
	if t.policy, err = policy.Load(t.sub.PolicyText); err != nil {
		return err
	}
	return step(ctx, t)
}

// dropStale ends a job whose step is over. A version that was revoked while the serve step ran may have been admitted
// after the revocation withdrew it, so it is withdrawn once more.
func (f *Flow) dropStale(ctx context.Context, t *task) error {
	if t.version.State != hallmark.StateRevoked {
		return nil
	}
	return f.cfg.Gateway.Withdraw(ctx, t.version.Digest)
}

// settle decides what an error of a step means for its version.
func (f *Flow) settle(ctx context.Context, t *task, err error) {
	if errors.Is(err, hallmark.ErrUnavailable) {
		f.putOff(ctx, t, err)
		return
	}
	f.cfg.Logger.WarnContext(ctx, "version failed", slog.String("step", t.job.Kind), slog.String("submission", t.sub.ID),
		slog.String("model", t.version.Digest.String()), slog.Any("cause", err))
	t.enter(hallmark.StateFailed, "")
	t.explain(fmt.Errorf("%s: %w", t.job.Kind, err))
	t.events[len(t.events)-1].Text = t.version.Problem
}

// putOff runs the step again later. The reason is an event only when it is a new one: a chain may be down for days.
func (f *Flow) putOff(ctx context.Context, t *task, err error) {
	before := t.version.Problem
	t.explain(fmt.Errorf("%s: %w", t.job.Kind, err))
	t.again(f.backOff(t.job.Try))
	if t.version.Problem == before {
		return
	}
	f.cfg.Logger.WarnContext(ctx, "step is put off", slog.String("step", t.job.Kind), slog.String("submission", t.sub.ID),
		slog.Any("cause", err))
	t.events = append(t.events, t.event(hallmark.Event{Kind: hallmark.EventRetry, Step: t.job.Kind, Text: t.version.Problem}))
}

// explain writes an error and its hint for people.
func (t *task) explain(err error) {
	t.version.Problem, t.version.Hint = err.Error(), ""
	if hint, ok := errors.AsType[*hallmark.HintError](err); ok {
		t.version.Hint = hint.Hint
	}
}

// maxBackOff is the longest wait between two tries: what comes back is noticed within it.
const maxBackOff = 30 * time.Second

// backOff doubles the wait from the poll interval.
func (f *Flow) backOff(try int) time.Duration {
	return min(f.cfg.Poll<<min(try, 20), maxBackOff)
}
