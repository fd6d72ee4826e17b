package api

import (
	"net/http"
	"runtime"
	"time"
)

// Health says that the process answers, and what it uses.
type Health struct {
	Status     string  `json:"status"` // always "ok": a process that cannot answer does not
	Uptime     float64 `json:"uptimeSeconds"`
	Heap       uint64  `json:"heapBytes"`
	Reserved   uint64  `json:"reservedBytes"` // memory obtained from the system
	Goroutines int     `json:"goroutines"`
}

func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return writeJSON(w, http.StatusOK, Health{"ok", time.Since(a.started).Seconds(), m.HeapAlloc, m.Sys, runtime.NumGoroutine()})
}

// Readiness says which parts do not work.
type Readiness struct {
	Ready    bool              `json:"ready"`
	Problems map[string]string `json:"problems"`
}

func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	body := Readiness{Ready: true, Problems: map[string]string{}}
	for part, err := range a.cfg.Ready(r.Context()) {
		if err != nil {
			body.Ready = false
			body.Problems[part] = err.Error()
		}
	}
	status := http.StatusOK
	if !body.Ready {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, body)
}
