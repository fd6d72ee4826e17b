package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// How long to wait before the second try to bring a version back, and at most.
const (
	firstRevival = 200 * time.Millisecond
	maxRevival   = time.Minute
)

// revive loads a version again whose process is gone, in the background and until it works: its bytes have to be those that
// were attested, as ever. One loads a version at a time, and none that was withdrawn or loaded by somebody else meanwhile.
func (g *Gateway) revive(ctx context.Context, gone *served) {
	d := gone.version.Digest
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.reviving[d] || !g.runs(gone) {
		return
	}
	g.reviving[d] = true
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the request that noticed ends first
	g.revivals.Go(func() {
		select {
		case <-g.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	g.revivals.Go(func() {
		defer cancel()
		g.bringBack(ctx, gone)
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.reviving, d)
	})
}

// bringBack tries to load a version until it works, or until there is nothing to bring back.
func (g *Gateway) bringBack(ctx context.Context, gone *served) {
	wait := firstRevival
	for {
		model := slog.String("model", gone.version.Digest.String())
		err := g.replace(ctx, gone)
		if err == nil {
			g.cfg.Logger.InfoContext(ctx, "a model whose process was gone is back", model)
			return
		}
		g.mu.Lock()
		over := !g.runs(gone)
		g.mu.Unlock()
		if over || ctx.Err() != nil {
			return
		}
		g.cfg.Logger.WarnContext(ctx, "a model whose process is gone is not back", model, slog.Any("cause", err))
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		wait = min(2*wait, maxRevival)
	}
}

// runs reports whether the running copy of s is the one that serves its version. g.mu is held.
func (g *Gateway) runs(s *served) bool {
	now := g.snapshot.Load().byDigest[s.version.Digest]
	return now != nil && now.run == s.run
}

// replace loads the bytes of a served version again and puts the new copy into the place of the one in old. If that does
// not serve any more when the bytes are loaded, the new copy is closed.
func (g *Gateway) replace(ctx context.Context, old *served) error {
	v := old.version
	model, err := g.cfg.Loader.Load(ctx, old.artifact, v.Digest)
	if err != nil {
		return fmt.Errorf("loading version %v: %w", v.Digest.Short(), err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.runs(old) {
		if err := model.Close(); err != nil {
			return fmt.Errorf("loading version %v: %w", v.Digest.Short(), err)
		}
		if now := g.snapshot.Load().byDigest[v.Digest]; now != nil {
			return nil // somebody else loaded it
		}
		return fmt.Errorf("loading version %v: it was taken out of service: %w", v.Digest.Short(), hallmark.ErrNotFound)
	}
	g.put(&served{version: g.snapshot.Load().byDigest[v.Digest].version, artifact: old.artifact, run: newRunning(model)})
	return nil
}
