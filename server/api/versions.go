package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
)

// Limits of what is read and listed.
const (
	maxVersions = 1000
	maxBlob     = 64 << 20
)

// A VersionList is the newest versions. Unreadable says which rows of the database could not be read, if any.
type VersionList struct {
	Versions   []hallmark.Version `json:"versions"`
	Unreadable string             `json:"unreadable,omitempty"`
}

func (a *API) listVersions(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxVersions {
			return fmt.Errorf("limit %.40q: want 1 to %d: %w", text, maxVersions, hallmark.ErrInvalid)
		}
	}
	var before hallmark.Digest
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = hallmark.ParseDigest(text); err != nil {
			return err
		}
	}
	versions, err := a.cfg.Store.ListVersions(r.Context(), before, limit)
	if err != nil && len(versions) == 0 {
		return err
	}
	list := VersionList{Versions: versions}
	if err != nil {
		list.Unreadable = err.Error()
	}
	if list.Versions == nil {
		list.Versions = []hallmark.Version{}
	}
	return writeJSON(w, http.StatusOK, list)
}

func (a *API) version(r *http.Request) (hallmark.Version, error) {
	return a.cfg.Store.FindVersion(r.Context(), chi.URLParam(r, "version"))
}

func (a *API) showVersion(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

func (a *API) lineage(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	sub, err := a.cfg.Store.Submission(r.Context(), v.Submission)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, sub.Lineage)
}

// A BundleText is one signed statement, as it was signed.
type BundleText struct {
	hallmark.Bundle
	Text string `json:"bundle"`
}

func (a *API) bundles(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	list := make([]BundleText, 0, len(v.Bundles))
	for _, b := range v.Bundles {
		text, err := a.cfg.Blobs.Get(r.Context(), b.CID, maxBlob)
		if err != nil {
			return err
		}
		list = append(list, BundleText{b, string(text)})
	}
	return writeJSON(w, http.StatusOK, list)
}

func (a *API) report(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	return a.blob(w, r, v, v.ReportCID, "report")
}

// cases returns the texts of the cases that failed or were not decided.
func (a *API) cases(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	return a.blob(w, r, v, v.CasesCID, "cases")
}

// blob answers with stored JSON, byte for byte, so that its digest can be checked.
func (a *API) blob(w http.ResponseWriter, r *http.Request, v hallmark.Version, cid, what string) error {
	if cid == "" {
		return fmt.Errorf("%s of version %v, which is %s: %w", what, v.Digest.Short(), v.State, hallmark.ErrNotFound)
	}
	raw, err := a.cfg.Blobs.Get(r.Context(), cid, maxBlob)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Ipfs-Path", "/ipfs/"+cid)
	_, err = w.Write(raw)
	return err
}

func (a *API) verify(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	found, err := a.cfg.Verify(r.Context(), v.Digest)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found)
}

// load makes the gateway read a served version's bytes from disk again.
func (a *API) load(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	if err := a.cfg.Reload(r.Context(), v.Digest); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

// retry goes on with a version that failed after it was attested.
func (a *API) retry(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	v, err := a.version(r)
	if err != nil {
		return err
	}
	if v, err = a.cfg.Flow.Retry(r.Context(), v.Digest); err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, v)
}

// A RevokeRequest takes a version out of service for good.
type RevokeRequest struct {
	Reason string `json:"reason"`
}

func (a *API) revoke(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	var req RevokeRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	if req.Reason == "" || len(req.Reason) > 1000 {
		return fmt.Errorf("reason: want 1 to 1000 bytes: %w", hallmark.ErrInvalid)
	}
	v, err := a.version(r)
	if err != nil {
		return err
	}
	if err := a.cfg.Flow.Revoke(r.Context(), v.Digest, req.Reason); err != nil {
		return err
	}
	v, err = a.cfg.Store.Version(r.Context(), v.Digest)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}
