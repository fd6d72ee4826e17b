package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/hallmark-ml/hallmark"
)

// carType is the media type of a CAR.
const carType = "application/vnd.ipld.car"

// Imported is what an import brought.
type Imported struct {
	Roots  []string `json:"roots"` // CIDs
	Blocks int      `json:"blocks"`
	Bytes  int64    `json:"bytes"` // of blocks
}

// An Importer stores a CAR (version 1) of at most limit bytes, all of it or nothing, and hashes every block before it does. What
// is there already stays as it is. Errors are those of evidence.Store.ImportCAR.
type Importer func(ctx context.Context, car io.Reader, limit int64) (Imported, error)

// importEvidence takes a CAR; its blocks can be read from then on.
func (a *API) importEvidence(w http.ResponseWriter, r *http.Request, _ hallmark.APIKey) error {
	if got := r.Header.Get("Content-Type"); got != carType {
		return fmt.Errorf("content type %q, want %s: %w", hallmark.CleanText(got, 80), carType, hallmark.ErrInvalid)
	}
	if r.ContentLength > a.cfg.MaxUpload {
		return fmt.Errorf("CAR of %d bytes, at most %d: %w", r.ContentLength, a.cfg.MaxUpload, hallmark.ErrTooLarge)
	}
	got, err := a.cfg.Import(r.Context(), r.Body, a.cfg.MaxUpload)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, got)
}
