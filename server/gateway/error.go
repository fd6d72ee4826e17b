package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// statuses maps error kinds to HTTP status and OpenAI's error type; the first match counts. A kind that is not here is
// an internal error, whose text stays in the log.
var statuses = []struct {
	kind   error
	status int
	typ    string
	code   string
}{
	{hallmark.ErrUnauthenticated, http.StatusUnauthorized, "invalid_request_error", "invalid_api_key"},
	{hallmark.ErrRefused, http.StatusForbidden, "permission_error", "model_not_allowed"},
	{hallmark.ErrNotFound, http.StatusNotFound, "invalid_request_error", "model_not_found"},
	{hallmark.ErrTooLarge, http.StatusRequestEntityTooLarge, "invalid_request_error", "too_large"},
	{errBusy, http.StatusTooManyRequests, "rate_limit_error", "busy"},
	{hallmark.ErrUndecided, http.StatusServiceUnavailable, "server_error", "limit_reached"},
	{hallmark.ErrUnavailable, http.StatusServiceUnavailable, "server_error", "unavailable"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "server_error", "timeout"},
	{hallmark.ErrInvalid, http.StatusBadRequest, "invalid_request_error", "invalid_request"},
}

var errBusy = errors.New("too many requests under way, retry")

type wireError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// statusOf returns the HTTP status and the body for err.
func statusOf(err error) (int, wireError) {
	var body wireError
	body.Error.Message, body.Error.Type, body.Error.Code = "internal error; the server's log has it under the request's trace id", "server_error", "internal"
	for _, s := range statuses {
		if errors.Is(err, s.kind) {
			body.Error.Message, body.Error.Type, body.Error.Code = err.Error(), s.typ, s.code
			if hint, ok := errors.AsType[*hallmark.HintError](err); ok {
				body.Error.Message += "; " + hint.Hint
			}
			return s.status, body
		}
	}
	return http.StatusInternalServerError, body
}

func writeError(w http.ResponseWriter, err error) int {
	status, body := statusOf(err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
	return status
}

// notServed says why a version that exists is not served, and what to do.
func notServed(v hallmark.Version) error {
	reason := v.Problem
	if v.Verdict != nil && v.Verdict.Decision != hallmark.Allow {
		texts := make([]string, 0, len(v.Verdict.Reasons))
		for _, r := range v.Verdict.Reasons {
			texts = append(texts, r.Rule+": "+r.Message)
		}
		reason = fmt.Sprintf("policy %s says %s: %s", v.Verdict.Policy, v.Verdict.Decision, strings.Join(texts, "; "))
	}
	if v.Review != nil && v.Review.Settled {
		reason = fmt.Sprintf("policy %s left it to a person, who says %s: %s", v.Verdict.Policy, v.Review.Decision, v.Review.Comment)
	}
	if reason == "" {
		reason = "it has not come through the pipeline yet"
	}
	err := fmt.Errorf("model %s (%v) is %s and not served: %s: %w", v.Name, v.Digest.Short(), v.State, hallmark.CleanText(reason, 1000), hallmark.ErrRefused)
	hint := "see its report: hallmark report show " + v.Digest.String()
	if v.State != hallmark.StateBlocked && v.State != hallmark.StateChallenged && v.State != hallmark.StateRevoked {
		hint = "see where it is: hallmark status " + v.Digest.String()
	}
	return hallmark.WithHint(err, hint)
}
