package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// maxReviews bounds a list of findings to review.
const maxReviews = 1000

// A ReviewList is what waits for a person, in the order in which to look at it.
type ReviewList struct {
	Open  int                   `json:"open"` // versions that wait
	Items []pipeline.ReviewItem `json:"items"`
}

func (a *API) listReviews(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	limit := 50
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxReviews {
			return fmt.Errorf("limit %.40q: want 1 to %d: %w", text, maxReviews, hallmark.ErrInvalid)
		}
	}
	items, open, err := a.cfg.Reviews.ReviewQueue(r.Context(), limit)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, ReviewList{open, append([]pipeline.ReviewItem{}, items...)})
}

// A ReviewDetail is a version whose verdict is challenge with all that a person decides on. What is signed names Version.Report
// and Version.Evidence.
type ReviewDetail struct {
	ID      string                  `json:"id"`
	Version hallmark.Version        `json:"version"`
	Items   []pipeline.ReviewItem   `json:"items"`
	Cases   []hallmark.CaseEvidence `json:"cases"` // texts of those that the items are about
}

// reviewed finds a version by its ID in the queue, the ID of one of its findings, its digest or its name.
func (a *API) reviewed(r *http.Request) (hallmark.Version, error) {
	name := chi.URLParam(r, "id")
	id, _, _ := strings.Cut(name, "-")
	v, err := a.cfg.Store.FindReview(r.Context(), id)
	if errors.Is(err, hallmark.ErrNotFound) {
		v, err = a.cfg.Store.FindVersion(r.Context(), name)
	}
	if err != nil {
		return v, err
	}
	if v.Verdict == nil || v.Verdict.Decision != hallmark.Challenge || v.Evidence.IsZero() {
		return v, fmt.Errorf("version %v is %s and not for a person to review: %w", v.Digest.Short(), v.State, hallmark.ErrNotFound)
	}
	return v, nil
}

func (a *API) showReview(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.reviewed(r)
	if err != nil {
		return err
	}
	d := ReviewDetail{ID: pipeline.ReviewID(v.Digest), Version: v, Cases: []hallmark.CaseEvidence{}}
	if d.Items, err = a.cfg.Reviews.ReviewItems(r.Context(), v); err != nil {
		return err
	}
	raw, err := a.cfg.Blobs.Get(r.Context(), v.CasesCID, maxBlob)
	if err != nil {
		return err
	}
	var texts struct {
		Cases []hallmark.CaseEvidence `json:"cases"`
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		return fmt.Errorf("cases of %v: %w", v.Digest.Short(), err)
	}
	wanted := make(map[string]bool, len(d.Items))
	for _, i := range d.Items {
		wanted[i.Finding.CaseID] = true
	}
	for _, c := range texts.Cases {
		if wanted[c.ID] {
			d.Cases = append(d.Cases, c)
		}
	}
	return writeJSON(w, http.StatusOK, d)
}

// A DecisionRequest is a reviewer's signed decision: a Sigstore bundle, as text, so that its bytes stay as they were signed.
type DecisionRequest struct {
	Bundle string `json:"bundle"`
}

func (a *API) decideReview(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	var req DecisionRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	if len(req.Bundle) > pipeline.MaxBundle {
		return fmt.Errorf("bundle of %d bytes, at most %d: %w", len(req.Bundle), pipeline.MaxBundle, hallmark.ErrTooLarge)
	}
	v, err := a.reviewed(r)
	if err != nil {
		return err
	}
	if v, err = a.cfg.Reviews.DecideReview(r.Context(), key, v.Digest, []byte(req.Bundle)); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, v)
}
