package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/hallmark-ml/hallmark"
)

const (
	// maxAttempts is how often one job is tried. A step that has to wait finishes its job and enqueues another one, so
	// only a database that is down or full counts here.
	maxAttempts = 1000
	// jobTimeout is a safety net far above what any step takes: steps have limits of their own.
	jobTimeout = 24 * time.Hour
	// pollInterval is the default of WorkConfig.Poll. Each poll costs 2 ms of processor time, all day long: hence also no
	// more than two queues.
	pollInterval = 500 * time.Millisecond
	slowQueue    = "slow"
	quickQueue   = "quick"
	// quickParallel is enough for steps that read and write a few rows.
	quickParallel = 4
	// stopTimeout is how long Work waits for steps that were told to stop.
	stopTimeout = 30 * time.Second
)

// A Handler does the job's step up to the point where only the database has to be written. Nil means that there is
// nothing to write. An error wrapping ErrUnavailable or ErrConflict is tried again later; any other one ends the job.
type Handler = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error)

// WorkConfig says which jobs [Store.Work] does.
type WorkConfig struct {
	Handlers map[string]Handler // by kind of job; a kind has at least 2 characters
	// Parallel is how many slow jobs run at a time. Required, at least 1.
	Parallel int
	// Poll is how late a delayed job may start; one without a delay is announced and starts within 50 ms. Optional; 500 ms
	// if zero.
	Poll time.Duration
}

// stepArgs is a job as River keeps it. The kind is River's own column.
type stepArgs struct {
	kind       string
	Submission string `json:"submission"`
	Try        int    `json:"try"`
}

// Kind is the kind of job.
func (a stepArgs) Kind() string { return a.kind }

// recoverJobs makes every job that a dead server left running, or that one waited to retry, available at once. Only the
// holder of the data directory's lock may do it: nobody else can be running them. River's own rescue comes too late (it
// looks every 30 s for jobs older than an hour), and a dead leader would delay the next one.
func (s *Store) recoverJobs(ctx context.Context) error {
	return s.write(ctx, target{"recover jobs", "river_job", ""}, func(tx *sql.Tx) error {
		const q = `UPDATE river_job SET state = 'available', scheduled_at = datetime('now', 'subsec')
			WHERE state IN ('running', 'retryable', 'scheduled')`
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM river_leader")
		return err
	})
}

// enqueue adds a job to a transaction; it is available once that commits and delay has passed.
func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, job hallmark.Job, delay time.Duration) error {
	args := stepArgs{kind: job.Kind, Submission: job.Submission, Try: job.Try}
	queue := quickQueue
	if job.Slow {
		queue = slowQueue
	}
	res, err := s.jobs.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: queue, MaxAttempts: maxAttempts})
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", job.Kind, err)
	}
	if delay <= 0 {
		return nil
	}
	// River would park a delayed job as 'scheduled' and look at those every 5 s; an available one with a later time is
	// fetched by the first poll after it.
	const q = "UPDATE river_job SET scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now', ?) WHERE id = ?"
	_, err = tx.ExecContext(ctx, q, fmt.Sprintf("+%.3f seconds", delay.Seconds()), res.Job.ID)
	return err
}

// Work runs the jobs until ctx ends, then tells the running ones to stop and waits for them. What they did not finish is
// done again by the next server. It must be running at most once.
func (s *Store) Work(ctx context.Context, c WorkConfig) error {
	workers := river.NewWorkers()
	for kind, handler := range c.Handlers {
		river.AddWorkerArgs(workers, stepArgs{kind: kind}, &worker{store: s, kind: kind, handle: handler})
	}
	queues := map[string]river.QueueConfig{slowQueue: {MaxWorkers: c.Parallel}, quickQueue: {MaxWorkers: quickParallel}}
	poll := cmp.Or(c.Poll, pollInterval)
	client, err := river.NewClient(riversqlite.New(s.db), &river.Config{
		Queues: queues, Workers: workers, Logger: s.log, RetryPolicy: retryPolicy{},
		FetchPollInterval: poll, FetchCooldown: min(poll, river.FetchCooldownDefault),
		JobTimeout: jobTimeout, RescueStuckJobsAfter: jobTimeout + time.Hour,
	})
	if err != nil {
		return fmt.Errorf("start jobs: %w: %w", err, hallmark.ErrInvalid)
	}
	running := context.WithoutCancel(ctx) // ctx ends the work in order, not in the middle of a write
	if err := client.Start(running); err != nil {
		return s.fail(err, "start jobs", "river_job", "")
	}
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(running, stopTimeout)
	defer cancel()
	if err := client.StopAndCancel(stopping); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// worker does the jobs of one kind.
type worker struct {
	river.WorkerDefaults[stepArgs]
	store  *Store
	kind   string
	handle Handler
}

// Work runs the step, then writes its change and the completion of the job in one transaction.
func (w *worker) Work(ctx context.Context, job *river.Job[stepArgs]) error {
	change, err := w.handle(ctx, hallmark.Job{
		Kind: w.kind, Submission: job.Args.Submission, Try: job.Args.Try, Slow: job.Queue == slowQueue,
	})
	if err == nil {
		err = w.complete(ctx, job, change)
	}
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, hallmark.ErrUnavailable), errors.Is(err, hallmark.ErrConflict):
		w.store.log.WarnContext(ctx, "step is tried again", slog.String("step", w.kind),
			slog.String("submission", job.Args.Submission), slog.Any("cause", err))
		return err
	default:
		w.store.log.ErrorContext(ctx, "step ended", slog.String("step", w.kind),
			slog.String("submission", job.Args.Submission), slog.Any("cause", err))
		return river.JobCancel(err)
	}
}

func (w *worker) complete(ctx context.Context, job *river.Job[stepArgs], change *hallmark.Change) error {
	t := target{"complete " + w.kind, "river_job", fmt.Sprint(job.ID)}
	return w.store.write(ctx, t, func(tx *sql.Tx) error {
		if change != nil {
			if err := w.store.apply(ctx, tx, *change); err != nil {
				return err
			}
		}
		_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx, job)
		if errors.Is(err, rivertype.ErrNotFound) {
			return fmt.Errorf("job is no longer ours: %w", hallmark.ErrConflict)
		}
		return err
	})
}

// retryPolicy doubles the wait from 100 ms to a minute.
type retryPolicy struct{}

// NextRetry says when a job is tried again after its latest attempt.
func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(min(100*time.Millisecond<<min(job.Attempt, 10), time.Minute))
}
