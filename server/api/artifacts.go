package api

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
)

var kinds = []hallmark.ArtifactKind{hallmark.KindModel, hallmark.KindDataset, hallmark.KindScript, hallmark.KindAdapter, hallmark.KindReport}

var artifactName = regexp.MustCompile(`^[\pL\pN][\pL\pN ._+@-]{0,199}$`)

func checkArtifact(kind hallmark.ArtifactKind, name string) error {
	if !slices.Contains(kinds, kind) {
		return fmt.Errorf("artifact kind %q: want one of %v: %w", hallmark.CleanText(string(kind), 40), kinds, hallmark.ErrInvalid)
	}
	if !artifactName.MatchString(name) {
		return fmt.Errorf("artifact name %q: want a base name of letters, digits, blanks and ._+@-: %w", hallmark.CleanText(name, 80), hallmark.ErrInvalid)
	}
	return nil
}

// upload takes a file as it is, or a directory as an application/x-tar archive.
func (a *API) upload(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	art := hallmark.Artifact{Kind: hallmark.ArtifactKind(r.URL.Query().Get("kind")), Name: r.URL.Query().Get("name")}
	if err := checkArtifact(art.Kind, art.Name); err != nil {
		return err
	}
	var want hallmark.Digest
	if text := r.Header.Get("X-Content-Digest"); text != "" {
		var err error
		if want, err = hallmark.ParseDigest(text); err != nil {
			return err
		}
	}
	art, err := a.take(w, r, art)
	if err != nil {
		return err
	}
	if !want.IsZero() && want != art.Digest {
		return &hallmark.DigestMismatchError{What: "the uploaded " + art.Name, Want: want, Got: art.Digest}
	}
	return writeJSON(w, http.StatusCreated, art)
}

func (a *API) take(w http.ResponseWriter, r *http.Request, art hallmark.Artifact) (hallmark.Artifact, error) {
	if r.Header.Get("Content-Type") != "application/x-tar" {
		f, err := a.uploads.file(w, r)
		if err != nil {
			return art, err
		}
		art.Path, art.Digest, art.Size = f.path, f.digest, f.size
		return a.cfg.Flow.AddArtifact(r.Context(), art)
	}
	tmp, err := a.uploads.directory(w, r)
	if err != nil {
		return art, err
	}
	defer os.RemoveAll(tmp) // it is gone once it was placed
	if art.Digest, art.Size, err = a.cfg.HashDirectory(r.Context(), tmp); err != nil {
		return art, err
	}
	art.Dir = true
	if art.Path, err = a.uploads.place(tmp, art.Digest); err != nil {
		return art, err
	}
	return a.cfg.Flow.AddArtifact(r.Context(), art)
}

// A PathRequest names an artifact on the server's own disk.
type PathRequest struct {
	Kind hallmark.ArtifactKind `json:"kind"`
	Name string                `json:"name"`
	Path string                `json:"path"`
}

// addPath takes an artifact that lies on this host, below one of the allowed roots. It is referenced, not copied.
func (a *API) addPath(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	var req PathRequest
	if err := a.readJSON(w, r, &req); err != nil {
		return err
	}
	if err := checkArtifact(req.Kind, req.Name); err != nil {
		return err
	}
	path, err := allowedPath(a.cfg.Roots, req.Path)
	if err != nil {
		return err
	}
	art, err := a.cfg.Flow.AddArtifact(r.Context(), hallmark.Artifact{Kind: req.Kind, Name: req.Name, Path: path, Referenced: true})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, art)
}

// allowedPath returns path with every link resolved, if it then lies below one of the roots.
func allowedPath(roots []string, path string) (string, error) {
	refused := hallmark.WithHint(fmt.Errorf("path %s is not below an allowed root: %w", hallmark.CleanText(path, 200), hallmark.ErrInvalid),
		"upload the file, or start the server with --root")
	if !filepath.IsAbs(path) || slices.Contains(strings.Split(path, "/"), "..") {
		return "", refused
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", refused // whether it exists outside of the roots is nobody's business
	}
	for _, root := range roots {
		base, err := filepath.EvalSymlinks(root)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(base, resolved); err == nil && filepath.IsLocal(rel) {
			return resolved, nil
		}
	}
	return "", refused
}

func (a *API) showArtifact(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	d, err := hallmark.ParseDigest(chi.URLParam(r, "digest"))
	if err != nil {
		return err
	}
	art, err := a.cfg.Store.Artifact(r.Context(), d)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, art)
}
