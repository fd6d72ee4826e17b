package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/metric"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

//go:embed openapi.yaml
var openAPI []byte

// A Flow takes submissions in and tells how they go on; [pipeline.Flow] is one.
type Flow interface {
	AddArtifact(ctx context.Context, a hallmark.Artifact) (hallmark.Artifact, error)
	Submit(ctx context.Context, r pipeline.SubmitRequest) (hallmark.Submission, bool, error)
	Events(ctx context.Context, submission string, after int64) iter.Seq2[hallmark.Event, error]
	Revoke(ctx context.Context, d hallmark.Digest, reason string) error
	// Retry goes on with a version that failed after it was attested; any other one is hallmark.ErrConflict.
	Retry(ctx context.Context, d hallmark.Digest) (hallmark.Version, error)
}

// Reviews lets people decide where a policy leaves it to them; [pipeline.Flow] is one.
type Reviews interface {
	// ReviewQueue returns up to limit findings in the order in which to review them, and how many versions wait.
	ReviewQueue(ctx context.Context, limit int) (items []pipeline.ReviewItem, open int, err error)
	ReviewItems(ctx context.Context, v hallmark.Version) ([]pipeline.ReviewItem, error)
	DecideReview(ctx context.Context, reviewer hallmark.APIKey, d hallmark.Digest, bundle []byte) (hallmark.Version, error)
}

// A Store is what the API reads and the keys it keeps. What is not there is hallmark.ErrNotFound.
type Store interface {
	Authenticator
	Reader
	Keys
	Callers
}

// An Authenticator knows the API keys.
type Authenticator interface {
	// Authenticate returns the API key of a token; an unknown one is hallmark.ErrUnauthenticated.
	Authenticate(ctx context.Context, token string) (hallmark.APIKey, error)
}

// A Reader answers what there is.
type Reader interface {
	Artifact(ctx context.Context, d hallmark.Digest) (hallmark.Artifact, error)
	Submission(ctx context.Context, id string) (hallmark.Submission, error)
	Version(ctx context.Context, d hallmark.Digest) (hallmark.Version, error)
	// FindVersion takes a digest or a name; the newest version of a name counts.
	FindVersion(ctx context.Context, nameOrDigest string) (hallmark.Version, error)
	// ListVersions returns up to limit versions, newest first, that are older than the one named (zero: the newest). Rows
	// that cannot be read are left out and named in the error, beside the ones that can.
	ListVersions(ctx context.Context, before hallmark.Digest, limit int) ([]hallmark.Version, error)
	// FindReview returns the version whose ID in the review queue is given, see [pipeline.ReviewID].
	FindReview(ctx context.Context, id string) (hallmark.Version, error)
}

// Keys registers people's public keys.
type Keys interface {
	// RegisterKey binds a key to an API key; one that another API key has, or that has another role, is hallmark.ErrConflict.
	RegisterKey(ctx context.Context, owner int64, role hallmark.KeyRole, publicPEM string) (hallmark.SigningKey, error)
	SigningKeys(ctx context.Context, owner int64) ([]hallmark.SigningKey, error)
}

// Callers are the API keys that there are.
type Callers interface {
	CreateAPIKey(ctx context.Context, key hallmark.APIKey) (token string, made hallmark.APIKey, err error)
	APIKeys(ctx context.Context) ([]hallmark.APIKey, error)
	// RevokeAPIKey ends a key for good; the last one of an admin is hallmark.ErrConflict.
	RevokeAPIKey(ctx context.Context, id int64) (hallmark.APIKey, error)
}

// Blobs reads stored evidence by CID, at most limit bytes of it.
type Blobs interface {
	Get(ctx context.Context, cid string, limit int64) ([]byte, error)
}

// Config wires an [API]. All fields but the limits are required.
type Config struct {
	Flow    Flow
	Reviews Reviews
	Store   Store
	Blobs   Blobs
	Import  Importer
	// Learning tells how the feedback loop does.
	Learning func() pipeline.LearningHealth
	// Reload loads a served version's bytes from disk again, see gateway.Reload.
	Reload func(ctx context.Context, d hallmark.Digest) error
	// Verify checks a version as an outsider would, and returns what it found.
	Verify func(ctx context.Context, d hallmark.Digest) (any, error)
	// HashDirectory returns the digest and size of an uploaded directory.
	HashDirectory func(ctx context.Context, path string) (hallmark.Digest, int64, error)
	// CheckKey refuses a public key (PEM) that we could not verify signatures with.
	CheckKey func(publicPEM []byte) error
	// Ready says what does not work, by the name of the part; an empty answer is ready.
	Ready   func(ctx context.Context) map[string]error
	Metrics http.Handler
	Meter   metric.Meter
	Logger  *slog.Logger
	// Dir is where uploads go: temporary files in Dir/tmp, then Dir/cas under their content address.
	Dir string
	// Roots are the directories of this host from which a write key may submit by path. Optional; none if empty.
	Roots []string
	// MaxUpload bounds one uploaded artifact, or CAR of evidence, in bytes. Optional; 64 GiB if zero.
	MaxUpload int64
	// MaxBody bounds a JSON body in bytes. Optional; 8 MiB if zero.
	MaxBody int64
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	missing := func(absent bool, name string) {
		if absent {
			errs = append(errs, fmt.Errorf("%s is missing: %w", name, hallmark.ErrInvalid))
		}
	}
	missing(c.Flow == nil, "flow")
	missing(c.Reviews == nil, "reviews")
	missing(c.Learning == nil, "learning")
	missing(c.Store == nil, "store")
	missing(c.Blobs == nil, "blobs")
	missing(c.Import == nil, "import")
	missing(c.Reload == nil, "reload")
	missing(c.Verify == nil, "verify")
	missing(c.HashDirectory == nil, "hash directory")
	missing(c.CheckKey == nil, "check key")
	missing(c.Ready == nil, "ready")
	missing(c.Metrics == nil, "metrics")
	missing(c.Meter == nil, "meter")
	missing(c.Logger == nil, "logger")
	missing(c.Dir == "", "directory")
	if c.MaxUpload < 0 || c.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("a limit is negative: %w", hallmark.ErrInvalid))
	}
	return errors.Join(errs...)
}

// An API answers requests. It is safe for concurrent use.
type API struct {
	cfg      Config
	uploads  uploads
	requests metric.Int64Counter
	seconds  metric.Float64Histogram
	started  time.Time
}

// New returns an API over the given parts.
func New(c Config) (*API, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if c.MaxUpload == 0 {
		c.MaxUpload = 64 << 30
	}
	if c.MaxBody == 0 {
		c.MaxBody = 8 << 20
	}
	a := &API{cfg: c, uploads: uploads{dir: c.Dir, max: c.MaxUpload}, started: time.Now()}
	var err error
	if a.requests, err = c.Meter.Int64Counter("al_http_requests_total", metric.WithDescription("requests answered")); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if a.seconds, err = c.Meter.Float64Histogram("al_http_request_duration_seconds", metric.WithUnit("s"), metric.WithDescription("time to answer a request")); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return a, a.uploads.prepare()
}

// Handler returns all routes, with openAI (the gateway's handler) at /v1.
func (a *API) Handler(openAI http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(a.observe)
	r.NotFound(a.open(func(_ http.ResponseWriter, r *http.Request) error {
		return hallmark.WithHint(fmt.Errorf("no route %s: %w", hallmark.CleanText(r.URL.Path, 200), hallmark.ErrNotFound), "see /api/v1/openapi.yaml")
	}))
	r.Get("/healthz", a.open(a.health))
	r.Get("/readyz", a.open(a.ready))
	r.Method(http.MethodGet, "/metrics", a.cfg.Metrics)
	r.Route("/api/v1", a.routes)
	r.Handle("/v1/*", openAI)
	return r
}

func (a *API) routes(r chi.Router) {
	r.Get("/openapi.yaml", a.open(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/yaml")
		_, err := w.Write(openAPI)
		return err
	}))
	r.Post("/artifacts", a.write(a.upload))
	r.Post("/artifacts/path", a.write(a.addPath))
	r.Get("/artifacts/{digest}", a.read(a.showArtifact))
	r.Post("/evidence", a.admin(a.importEvidence))
	r.Post("/keys", a.read(a.registerKey))
	r.Get("/keys", a.read(a.listKeys))
	r.Post("/api-keys", a.admin(a.createAPIKey))
	r.Get("/api-keys", a.admin(a.listAPIKeys))
	r.Delete("/api-keys/{id}", a.admin(a.revokeAPIKey))
	r.Get("/reviews", a.read(a.listReviews))
	r.Get("/reviews/{id}", a.read(a.showReview))
	r.Post("/reviews/{id}/decision", a.reviewer(a.decideReview))
	r.Post("/submissions", a.write(a.submit))
	r.Get("/submissions/{id}", a.read(a.showSubmission))
	r.Get("/submissions/{id}/events", a.read(a.events))
	r.Get("/versions", a.read(a.listVersions))
	r.Get("/versions/{version}", a.read(a.showVersion))
	r.Get("/versions/{version}/lineage", a.read(a.lineage))
	r.Get("/versions/{version}/bundles", a.read(a.bundles))
	r.Get("/versions/{version}/report", a.read(a.report))
	r.Get("/versions/{version}/cases", a.read(a.cases))
	r.Get("/versions/{version}/verify", a.read(a.verify))
	r.Post("/versions/{version}/load", a.write(a.load))
	r.Post("/versions/{version}/retry", a.write(a.retry))
	r.Post("/versions/{version}/revoke", a.write(a.revoke))
}
