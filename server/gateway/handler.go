package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/hallmark-ml/hallmark"
)

// Handler returns the OpenAI-compatible routes: /v1/models, /v1/chat/completions and /v1/completions.
func (g *Gateway) Handler() http.Handler {
	r := chi.NewRouter()
	r.Get("/v1/models", g.authenticated(g.listModels))
	r.Get("/v1/models/{model}", g.authenticated(g.showModel))
	r.Post("/v1/chat/completions", g.authenticated(g.complete(chatEndpoint)))
	r.Post("/v1/completions", g.authenticated(g.complete(textEndpoint)))
	return r
}

type handler func(w http.ResponseWriter, r *http.Request) error

// authenticated runs h for a known API key and turns its error into OpenAI's error body, unless h had begun to answer.
func (g *Gateway) authenticated(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := g.authenticate(r)
		if err == nil {
			err = h(w, r)
		}
		switch {
		case err == nil:
		case r.Context().Err() != nil:
			g.cfg.Logger.InfoContext(r.Context(), "client left", slog.String("path", r.URL.Path))
		case errors.Is(err, errStarted):
			g.cfg.Logger.WarnContext(r.Context(), "answer broken off", slog.Any("err", err))
		default:
			if status := writeError(w, err); status >= http.StatusInternalServerError {
				g.cfg.Logger.ErrorContext(r.Context(), "request", slog.String("path", r.URL.Path), slog.Any("err", err))
			}
		}
	}
}

func (g *Gateway) authenticate(r *http.Request) error {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return fmt.Errorf("no bearer token in the Authorization header: %w", hallmark.ErrUnauthenticated)
	}
	_, err := g.cfg.Authenticate(r.Context(), token)
	return err
}

type wireModel struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Created  int64  `json:"created"`
	OwnedBy  string `json:"owned_by"`
	Hallmark struct {
		Digest  hallmark.Digest   `json:"digest"`
		Verdict hallmark.Decision `json:"verdict"`
		Report  hallmark.Digest   `json:"report"`
	} `json:"hallmark"`
}

func wireModelOf(v hallmark.Version) wireModel {
	m := wireModel{ID: v.Name, Object: "model", Created: v.Created.Unix(), OwnedBy: "hallmark"}
	m.Hallmark.Digest, m.Hallmark.Report = v.Digest, v.Report
	m.Hallmark.Verdict = v.Effective()
	return m
}

func (g *Gateway) listModels(w http.ResponseWriter, _ *http.Request) error {
	list := struct {
		Object string      `json:"object"`
		Data   []wireModel `json:"data"`
	}{Object: "list", Data: []wireModel{}}
	for _, v := range g.Serving() {
		list.Data = append(list.Data, wireModelOf(v))
	}
	return writeJSON(w, list)
}

func (g *Gateway) showModel(w http.ResponseWriter, r *http.Request) error {
	s, err := g.find(r.Context(), chi.URLParam(r, "model"))
	if err != nil {
		return err
	}
	defer s.run.release()
	return writeJSON(w, wireModelOf(s.version))
}

// find holds the version that a request names, or says why there is none: unknown, or not allowed to serve.
func (g *Gateway) find(ctx context.Context, name string) (*served, error) {
	if s, ok := g.hold(name); ok {
		return s, nil
	}
	v, err := g.cfg.Versions.FindVersion(ctx, name)
	if errors.Is(err, hallmark.ErrNotFound) {
		return nil, fmt.Errorf("model %s: %w", hallmark.CleanText(name, 100), hallmark.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return nil, notServed(v)
}

// complete answers one completion request, as one body or as a stream of server-sent events.
func (g *Gateway) complete(e endpoint) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		wire, err := decode(w, r, g.cfg.MaxBody)
		if err != nil {
			return err
		}
		req, err := e.request(wire, g.cfg.MaxTokens)
		if err != nil {
			return err
		}
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
		default:
			return fmt.Errorf("%d requests under way: %w", cap(g.slots), errBusy)
		}
		s, err := g.find(r.Context(), wire.Model)
		if err != nil {
			return err
		}
		defer s.run.release()
		ctx, cancel := context.WithTimeout(r.Context(), g.cfg.Timeout)
		defer cancel()
		stamp(w.Header(), s.version)
		a := answer{endpoint: e, w: w, model: wire.Model, created: time.Now().Unix(), id: newID(e), usage: wire.StreamOptions.IncludeUsage}
		respond := a.whole
		if wire.Stream {
			respond = a.stream
		}
		err = respond(ctx, s.run.model, req)
		if errors.Is(err, hallmark.ErrUnavailable) {
			g.revive(ctx, s)
		}
		return err
	}
}

// stamp names what answers: its digest, verdict, report, anchor, and how strongly we know the bytes (always sealed here).
func stamp(h http.Header, v hallmark.Version) {
	h.Set("X-Hallmark-Digest", v.Digest.String())
	h.Set("X-Hallmark-Report", v.Report.String())
	h.Set("X-Hallmark-Evidence", "sealed")
	if v.Verdict != nil {
		h.Set("X-Hallmark-Verdict", string(v.Verdict.Decision)+"; policy="+v.Verdict.Policy)
	}
	if v.Review != nil {
		h.Set("X-Hallmark-Review", string(v.Review.Decision)+"; key="+v.Review.Reviewer)
	}
	if v.Anchor != nil {
		h.Set("X-Hallmark-Anchor", fmt.Sprintf("%s; state=%s; block=%d; contract=%s", v.Anchor.Tx, v.Anchor.State, v.Anchor.Block, v.Anchor.Contract))
	}
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
