package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
)

// A KeyRequest registers a public key for the calling API key.
type KeyRequest struct {
	PublicPEM string `json:"publicPem"`
	// Role is what the key signs; submitter if empty, which needs scope write.
	Role hallmark.KeyRole `json:"role,omitempty"`
}

func (a *API) registerKey(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	var req KeyRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	switch {
	case req.Role == "" || req.Role == hallmark.KeySubmitter:
		req.Role = hallmark.KeySubmitter
		if key.Scope != hallmark.ScopeWrite {
			return fmt.Errorf("key %s has scope %s, a submitter needs %s: %w", key.Name, key.Scope, hallmark.ScopeWrite, errScope)
		}
	case req.Role == hallmark.KeyReviewer && key.Reviewer:
	case req.Role == hallmark.KeyReviewer:
		return fmt.Errorf("key %s is no reviewer's: %w", key.Name, errScope)
	default:
		return fmt.Errorf("role %.40q: want submitter or reviewer: %w", req.Role, hallmark.ErrInvalid)
	}
	if err := a.cfg.CheckKey([]byte(req.PublicPEM)); err != nil {
		return err
	}
	k, err := a.cfg.Store.RegisterKey(r.Context(), key.ID, req.Role, req.PublicPEM)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, k)
}

func (a *API) listKeys(w http.ResponseWriter, r *http.Request, key hallmark.APIKey) error {
	list, err := a.cfg.Store.SigningKeys(r.Context(), key.ID)
	if err != nil {
		return err
	}
	if list == nil {
		list = []hallmark.SigningKey{}
	}
	return writeJSON(w, http.StatusOK, list)
}

// A CallerRequest asks for a new API key.
type CallerRequest struct {
	Name     string         `json:"name"`
	Scope    hallmark.Scope `json:"scope"`
	Reviewer bool           `json:"reviewer,omitempty"`
	Admin    bool           `json:"admin,omitempty"`
}

// A NewCaller is an API key with its token, which is shown this once.
type NewCaller struct {
	Key   hallmark.APIKey `json:"key"`
	Token string          `json:"token"`
}

func (a *API) createAPIKey(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	var req CallerRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	if !artifactName.MatchString(req.Name) || len(req.Name) > 128 {
		return fmt.Errorf("name %q: want 1 to 128 bytes of letters, digits, blanks and ._+@-: %w", hallmark.CleanText(req.Name, 80), hallmark.ErrInvalid)
	}
	if req.Scope != hallmark.ScopeRead && req.Scope != hallmark.ScopeWrite {
		return fmt.Errorf("scope %.40q: want read or write: %w", req.Scope, hallmark.ErrInvalid)
	}
	token, key, err := a.cfg.Store.CreateAPIKey(r.Context(), hallmark.APIKey{Name: req.Name, Scope: req.Scope, Reviewer: req.Reviewer, Admin: req.Admin})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, NewCaller{key, token})
}

func (a *API) listAPIKeys(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	list, err := a.cfg.Store.APIKeys(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list)
}

func (a *API) revokeAPIKey(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	text := chi.URLParam(r, "id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return fmt.Errorf("API key %.40q: want its number: %w", text, hallmark.ErrInvalid)
	}
	key, err := a.cfg.Store.RevokeAPIKey(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, key)
}
