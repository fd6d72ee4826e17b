package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// errStarted marks an error after the first byte of an answer.
var errStarted = errors.New("answer had begun")

// A SubmitRequest asks for one model version to be attested. The model and everything that its lineage names were
// uploaded before.
type SubmitRequest struct {
	Model      hallmark.Digest `json:"model"`
	Name       string          `json:"name"`
	Policy     string          `json:"policy"`               // name of an embedded policy, or of the one in PolicyText
	PolicyText string          `json:"policyText,omitempty"` // a policy file; empty for an embedded one
	Profile    string          `json:"profile"`
	// Lineage is the signed Sigstore bundles, one a step, each as text, so that its bytes stay as they were signed.
	Lineage []string `json:"lineage"`
}

func (a *API) submit(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	var req SubmitRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	text := []byte(req.PolicyText)
	if len(text) == 0 {
		p, err := policy.Embedded(req.Policy)
		if err != nil {
			return hallmark.WithHint(err, fmt.Sprintf("embedded are %v; send another one as policyText", policy.Names()))
		}
		text = p.Source()
	}
	bundles := make([][]byte, len(req.Lineage))
	for i, b := range req.Lineage {
		bundles[i] = []byte(b)
	}
	sub, created, err := a.cfg.Flow.Submit(r.Context(), pipeline.SubmitRequest{
		Owner: key.ID, Model: req.Model, Name: req.Name, PolicyText: text, Profile: req.Profile,
		Lineage: bundles, IdempotencyKey: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/submissions/"+sub.ID)
	if !created {
		return writeJSON(w, http.StatusOK, sub)
	}
	return writeJSON(w, http.StatusAccepted, sub)
}

// A SubmissionStatus is a submission with the version that it is about.
type SubmissionStatus struct {
	Submission hallmark.Submission `json:"submission"`
	Version    hallmark.Version    `json:"version"`
}

func (a *API) showSubmission(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	sub, err := a.cfg.Store.Submission(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	v, err := a.cfg.Store.Version(r.Context(), sub.Model)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, SubmissionStatus{sub, v})
}

// keepAlive is how often an idle event stream sends a comment, so that proxies do not cut it.
const keepAlive = 15 * time.Second

// events streams a submission's events as server-sent events, from the one after Last-Event-ID on. The stream ends when
// the version has come to rest.
func (a *API) events(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	var after int64
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		var err error
		if after, err = strconv.ParseInt(last, 10, 64); err != nil || after < 0 {
			return fmt.Errorf("Last-Event-ID %.40q: not a number: %w", last, hallmark.ErrInvalid)
		}
	}
	id := chi.URLParam(r, "id")
	if _, err := a.cfg.Store.Submission(r.Context(), id); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if err := sendEvents(r.Context(), w, a.pull(r.Context(), id, after)); err != nil {
		return fmt.Errorf("events of %s: %w: %w", id, err, errStarted)
	}
	return nil
}

// pulled is an event, or the error that ends the stream.
type pulled struct {
	event hallmark.Event
	err   error
}

// pull reads events in a goroutine of its own, which ends with ctx; the channel is closed after the last one.
func (a *API) pull(ctx context.Context, id string, after int64) <-chan pulled {
	items := make(chan pulled)
	go func() {
		defer close(items)
		for e, err := range a.cfg.Flow.Events(ctx, id, after) {
			select {
			case items <- pulled{e, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items
}

// sendEvents writes each event at once, and a comment when there was none for a while.
func sendEvents(ctx context.Context, w http.ResponseWriter, items <-chan pulled) error {
	out := http.NewResponseController(w)
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	for {
		text := ": still there\n\n"
		select {
		case it, more := <-items:
			if !more {
				return nil
			}
			if it.err != nil {
				return it.err
			}
			raw, err := json.Marshal(it.event)
			if err != nil {
				return err
			}
			text = fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", it.event.ID, it.event.Kind, raw)
		case <-idle.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
