package gateway

import "sync"

// A running copy of a model counts the requests that hold it. Once retired it takes no new ones, and it is closed when
// the last one lets go.
type running struct {
	model  Model
	closed chan struct{} // closed when the model is

	mu      sync.Mutex
	users   int
	retired bool
	err     error // of closing
}

func newRunning(m Model) *running { return &running{model: m, closed: make(chan struct{})} }

// acquire reports whether the caller now holds the copy.
func (r *running) acquire() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retired {
		return false
	}
	r.users++
	return true
}

func (r *running) release() {
	r.mu.Lock()
	r.users--
	last := r.retired && r.users == 0
	r.mu.Unlock()
	if last {
		r.close()
	}
}

func (r *running) retire() {
	r.mu.Lock()
	idle := !r.retired && r.users == 0
	r.retired = true
	r.mu.Unlock()
	if idle {
		r.close()
	}
}

func (r *running) close() {
	r.err = r.model.Close()
	close(r.closed)
}
