package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/hallmark-ml/hallmark"
)

// A Problem is the body of every error answer (RFC 9457, application/problem+json).
type Problem struct {
	Type   string `json:"type"`  // stable name of the kind
	Title  string `json:"title"` // the kind in words
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"` // what to do next
	Trace  string `json:"trace"`          // names the request in the server's log
}

// problems maps error kinds to status and type; the first match counts. A kind that is not here is an internal error,
// whose text stays in the log.
var problems = []struct {
	kind   error
	status int
	typ    string
}{
	{hallmark.ErrUnauthenticated, http.StatusUnauthorized, "unauthenticated"},
	{errScope, http.StatusForbidden, "scope"},
	{hallmark.ErrKey, http.StatusForbidden, "key"},
	{hallmark.ErrSignature, http.StatusUnprocessableEntity, "signature"},
	{hallmark.ErrLineage, http.StatusUnprocessableEntity, "lineage"},
	{hallmark.ErrPredicate, http.StatusUnprocessableEntity, "predicate"},
	{hallmark.ErrDigest, http.StatusUnprocessableEntity, "digest"},
	{hallmark.ErrRefused, http.StatusForbidden, "refused"},
	{hallmark.ErrEvidenceMissing, http.StatusNotFound, "evidence-missing"},
	{hallmark.ErrNotFound, http.StatusNotFound, "not-found"},
	{hallmark.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-large"},
	{hallmark.ErrConflict, http.StatusConflict, "conflict"},
	{hallmark.ErrUndecided, http.StatusServiceUnavailable, "undecided"},
	{hallmark.ErrUnavailable, http.StatusServiceUnavailable, "unavailable"},
	{hallmark.ErrUnsandboxed, http.StatusServiceUnavailable, "unsandboxed"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout"},
	{hallmark.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
}

// errScope is a known key that may not do this.
var errScope = errors.New("the API key's scope does not allow this")

func problemOf(err error) Problem {
	p := Problem{Type: "internal", Title: "internal error", Status: http.StatusInternalServerError, Detail: "the server's log has the cause under this trace"}
	for _, m := range problems {
		if errors.Is(err, m.kind) {
			p = Problem{Type: m.typ, Title: m.kind.Error(), Status: m.status, Detail: err.Error()}
			break
		}
	}
	if hint, ok := errors.AsType[*hallmark.HintError](err); ok {
		p.Hint = hint.Hint
	}
	return p
}

type handler func(w http.ResponseWriter, r *http.Request) error

// keyHandler is a handler that knows who calls.
type keyHandler func(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error

// open runs h for everybody and writes its error.
func (a *API) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || r.Context().Err() != nil || errors.Is(err, errStarted) {
			return
		}
		p := problemOf(err)
		p.Trace = traceOf(r.Context())
		if p.Status >= http.StatusInternalServerError {
			a.cfg.Logger.ErrorContext(r.Context(), "request", slog.String("path", r.URL.Path), slog.String("trace", p.Trace), slog.Any("err", err))
		}
		switch p.Status {
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Bearer realm="hallmark"`)
		case http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p) // the client may be gone
	}
}

func (a *API) read(h keyHandler) http.HandlerFunc  { return a.scoped(hallmark.ScopeRead, h) }
func (a *API) write(h keyHandler) http.HandlerFunc { return a.scoped(hallmark.ScopeWrite, h) }

func (a *API) scoped(scope hallmark.Scope, h keyHandler) http.HandlerFunc {
	return a.keyed(func(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
		if key.Scope != hallmark.ScopeWrite && key.Scope != scope {
			return fmt.Errorf("key %s has scope %s, %s needs %s: %w", key.Name, key.Scope, r.URL.Path, scope, errScope)
		}
		return h(w, r, key)
	})
}

func (a *API) reviewer(h keyHandler) http.HandlerFunc {
	return a.keyed(func(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
		if !key.Reviewer {
			return fmt.Errorf("key %s is no reviewer's: %w", key.Name, errScope)
		}
		return h(w, r, key)
	})
}

func (a *API) admin(h keyHandler) http.HandlerFunc {
	return a.keyed(func(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
		if !key.Admin {
			return fmt.Errorf("key %s is no admin's: %w", key.Name, errScope)
		}
		return h(w, r, key)
	})
}

// keyed runs h for callers with an API key.
func (a *API) keyed(h keyHandler) http.HandlerFunc {
	return a.open(func(w http.ResponseWriter, r *http.Request) error {
		key, err := a.caller(r)
		if err != nil {
			return err
		}
		return h(w, r, key)
	})
}

func (a *API) caller(r *http.Request) (hallmark.APIKey, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return hallmark.APIKey{}, fmt.Errorf("no bearer token in the Authorization header: %w", hallmark.ErrUnauthenticated)
	}
	return a.cfg.Store.Authenticate(r.Context(), token)
}

type traceKey struct{}

func traceOf(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey{}).(string)
	return trace
}

// traceparent is the header of W3C Trace Context, of which we take the trace id.
var traceparent = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)

// observe gives each request a trace id, counts and times it, and logs one line, without its body or query.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace := strings.ToLower(rand.Text())
		if m := traceparent.FindStringSubmatch(r.Header.Get("Traceparent")); m != nil {
			trace = m[1]
		}
		w.Header().Set("X-Trace-Id", trace)
		rec := &recorder{ResponseWriter: w}
		begin := time.Now()
		ctx := context.WithValue(r.Context(), traceKey{}, trace)
		next.ServeHTTP(rec, r.WithContext(ctx))
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
		route := chi.RouteContext(r.Context()).RoutePattern()
		if route == "" {
			route = "none"
		}
		labels := metric.WithAttributes(attribute.String("method", knownMethod(r.Method)), attribute.String("route", route), attribute.Int("status", rec.status))
		a.requests.Add(ctx, 1, labels)
		a.seconds.Record(ctx, time.Since(begin).Seconds(), labels)
		a.cfg.Logger.InfoContext(ctx, "answered", slog.String("trace", trace), slog.String("method", r.Method), slog.String("route", route),
			slog.Int("status", rec.status), slog.Float64("latency_ms", float64(time.Since(begin).Microseconds())/1000))
	})
}

// knownMethod keeps callers from making up label values.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return m
	default:
		return "other"
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// readJSON reads a body strictly: no unknown or repeated fields, nothing behind it, at most MaxBody bytes.
func (a *API) readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	raw, err := readAll(http.MaxBytesReader(w, r.Body, a.cfg.MaxBody))
	if err != nil {
		return err
	}
	if err := hallmark.DecodeJSON(raw, v); err != nil {
		return fmt.Errorf("request body: %w", err)
	}
	return nil
}
