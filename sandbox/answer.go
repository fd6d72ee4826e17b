package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// together is how many cases are asked in one go, of a model that can.
const together = 32

// A batchModel answers several requests in one go, in less time than one after the other.
type batchModel interface {
	GenerateAll(ctx context.Context, reqs []probe.GenerateRequest) ([]probe.Answer, error)
}

// prepare asks requests that are about to be asked together; [run.generate] finds the answers.
func (r *run) prepare(ctx context.Context, wanted []probe.GenerateRequest) error {
	m, ok := r.plan.Model.(batchModel)
	if !ok {
		return nil
	}
	clear(r.ready)
	var reqs []probe.GenerateRequest
	for _, req := range wanted {
		key := requestKey(req)
		_, asked := r.ready[key]
		if _, known := r.answers[key]; !known && !asked {
			r.ready[key] = probe.Answer{}
			reqs = append(reqs, req)
		}
	}
	answers, err := m.GenerateAll(ctx, reqs)
	if err != nil {
		return interrupted(ctx, fmt.Errorf("asking %d requests: %w", len(reqs), err))
	}
	for i, a := range answers {
		r.ready[requestKey(reqs[i])] = a
	}
	return nil
}

// generate answers a request, from what was asked before if it can.
func (r *run) generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	if a, ok := r.ready[requestKey(req)]; ok {
		return a.Completion, a.Err
	}
	return r.plan.Model.Generate(ctx, req)
}

// requestKey tells requests of a run, which all are greedy, apart.
func requestKey(req probe.GenerateRequest) hallmark.Digest {
	return hallmark.DigestOf(fmt.Appendf(nil, "%q %q %d %q", req.Messages, req.Prompt, req.MaxTokens, req.Stop))
}

// plain answers a request once, however often it is asked.
func (r *run) plain(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	key := requestKey(req)
	if got, ok := r.answers[key]; ok {
		return got, nil
	}
	got, err := r.generate(ctx, req)
	if err != nil {
		return probe.Completion{}, err
	}
	r.answers[key] = got
	return got, nil
}

// interrupted gives an error that a done context caused the kind that says so.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, hallmark.ErrUndecided) {
		return fmt.Errorf("%w: %w", err, hallmark.ErrUndecided)
	}
	return err
}

// ofCase reports an error that is a property of this one question, the same on every host, such as a prompt over the
// model's context. Everything else stops the run.
func ofCase(err error) bool {
	return (errors.Is(err, hallmark.ErrTooLarge) || errors.Is(err, hallmark.ErrInvalid)) && !errors.Is(err, hallmark.ErrUndecided)
}

// gone reports an error of a guest that ended.
func gone(err error) bool {
	_, ended := errors.AsType[*RunError](err)
	return ended
}

// prompt is the text that the model reads for a request.
func (r *run) prompt(ctx context.Context, req probe.GenerateRequest) (string, error) {
	if len(req.Messages) == 0 {
		return req.Prompt, nil
	}
	rendered, err := r.plan.Model.Render(ctx, req.Messages, true)
	if errors.Is(err, hallmark.ErrUnavailable) && !gone(err) { // an endpoint that keeps its template to itself
		return unrendered(req.Messages), nil
	}
	return rendered.Text, err
}

// unrendered is a chat of which nobody but the model knows how it reads it.
func unrendered(msgs []probe.Message) string {
	var b strings.Builder
	for _, m := range msgs {
		fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Content)
	}
	return b.String()
}
