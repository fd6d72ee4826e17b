package api

import (
	"net/http"
	"runtime"
	"time"
)

// Health says that the process answers, and what it uses.
type Health struct {
	Status     string         `json:"status"` // always "ok": a process that cannot answer does not
	Uptime     float64        `json:"uptimeSeconds"`
	Heap       uint64         `json:"heapBytes"`
	Reserved   uint64         `json:"reservedBytes"` // memory obtained from the system
	Goroutines int            `json:"goroutines"`
	Feedback   FeedbackHealth `json:"feedback"`
}

// FeedbackHealth says how the feedback loop does.
type FeedbackHealth struct {
	State    string `json:"state"`
	Degraded bool   `json:"degraded"` // submissions are put together before they go on
	Broken   bool   `json:"broken"`   // the journal takes no more; the server's log says why
	Growing  bool   `json:"growing"`  // the journal is long and could not be begun anew; likewise
	Taken    uint64 `json:"taken"`    // outcomes, since the start
	Learned  uint64 `json:"learned"`  // in all
}

func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l := a.cfg.Learning()
	return writeJSON(w, http.StatusOK, Health{
		"ok", time.Since(a.started).Seconds(), m.HeapAlloc, m.Sys, runtime.NumGoroutine(),
		FeedbackHealth{l.State, l.Degraded, l.Err != nil, l.Growing, l.Taken, l.Learned},
	})
}

// Readiness says which parts do not work.
type Readiness struct {
	Ready    bool              `json:"ready"`
	Problems map[string]string `json:"problems"`
}

// notShown stands for a cause, which may name addresses and paths, where the caller has no API key.
const notShown = "does not work; callers with an API key see why"

func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	_, unknown := a.caller(r)
	body := Readiness{Ready: true, Problems: map[string]string{}}
	for part, err := range a.cfg.Ready(r.Context()) {
		if err == nil {
			continue
		}
		body.Ready, body.Problems[part] = false, notShown
		if unknown == nil {
			body.Problems[part] = err.Error()
		}
	}
	status := http.StatusOK
	if !body.Ready {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, body)
}
