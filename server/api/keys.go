package api

import (
	"net/http"

	"github.com/hallmark-ml/hallmark"
)

// A KeyRequest registers a submitter's public key for the calling API key.
type KeyRequest struct {
	PublicPEM string `json:"publicPem"`
}

func (a *API) registerKey(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	var req KeyRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	if err := a.cfg.CheckKey([]byte(req.PublicPEM)); err != nil {
		return err
	}
	k, err := a.cfg.Store.RegisterSubmitterKey(r.Context(), key.ID, req.PublicPEM)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, k)
}

func (a *API) listKeys(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	list, err := a.cfg.Store.SubmitterKeys(r.Context(), key.ID)
	if err != nil {
		return err
	}
	if list == nil {
		list = []hallmark.SubmitterKey{}
	}
	return writeJSON(w, http.StatusOK, list)
}
