package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// Config wires a [Flow]. Every field is required.
type Config struct {
	Store         Store
	Broadcaster   *Broadcaster
	Fingerprinter Fingerprinter
	Sandbox       Sandbox
	Evidence      Evidence
	Verifier      LineageVerifier
	Signer        Signer
	Log           TransparencyLog
	Anchorer      Anchorer
	Gateway       Gateway
	Learning      *Learning
	// OMS returns the OpenSSF Model Signing statement of a fingerprint.
	OMS    func(hallmark.Fingerprint) ([]byte, error)
	Logger *slog.Logger
	// VerifierID names this service in verification summaries, as a URI.
	VerifierID string
	// Poll is how long the anchor step waits between two looks at the chain, and the first delay of a retry.
	Poll time.Duration
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	missing := func(absent bool, name string) {
		if absent {
			errs = append(errs, fmt.Errorf("%s is missing: %w", name, hallmark.ErrInvalid))
		}
	}
	missing(c.Store == nil, "store")
	missing(c.Broadcaster == nil, "broadcaster")
	missing(c.Fingerprinter == nil, "fingerprinter")
	missing(c.Sandbox == nil, "sandbox")
	missing(c.Evidence == nil, "evidence")
	missing(c.Verifier == nil, "lineage verifier")
	missing(c.Signer == nil, "signer")
	missing(c.Log == nil, "transparency log")
	missing(c.Anchorer == nil, "anchorer")
	missing(c.Gateway == nil, "gateway")
	missing(c.Learning == nil, "learning")
	missing(c.OMS == nil, "model signing statement")
	missing(c.Logger == nil, "logger")
	missing(c.VerifierID == "", "verifier id")
	if c.Poll <= 0 {
		errs = append(errs, fmt.Errorf("poll interval %v is not positive: %w", c.Poll, hallmark.ErrInvalid))
	}
	return errors.Join(errs...)
}

// A Flow runs the steps. It is safe for concurrent use.
type Flow struct {
	cfg Config

	mu    sync.Mutex
	items map[hallmark.Digest][]ReviewItem // of versions to be reviewed, by their evidence: a cache
}

// New returns a flow over the given parts.
func New(c Config) (*Flow, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return &Flow{cfg: c, items: make(map[hallmark.Digest][]ReviewItem)}, nil
}

// The kinds of job, one a step, in the order of the flow. Attesting is two: what is signed must be stored before it is
// published, because signing again gives other bytes.
const (
	JobFingerprint = "fingerprint"
	JobScan        = "scan"
	JobPlan        = "plan"
	JobTest        = "test"
	JobEndRun      = "end-run"
	JobDecide      = "decide"
	JobSign        = "sign"
	JobPublish     = "publish"
	JobAnchor      = "anchor"
	JobServe       = "serve"
	JobLearn       = "learn"

	// JobReviewLog is the first of the three of a review, for a version that is challenged.
	JobReviewLog    = "review-log"
	JobReviewAnchor = "review-anchor"
	JobReviewSettle = "review-settle"
)

// Handler does one job. A nil change means that there was nothing left to do.
type Handler = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error)
