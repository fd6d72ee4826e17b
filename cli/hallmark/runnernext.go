package main

import (
	"context"
	"errors"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/openai"
)

// runnersDoc is where it stands how models behind other programs are tested.
const runnersDoc = "docs/runners.md"

// withNext adds the step that helps with a model behind another program, where the error does not say one itself: those of the
// other commands are about files, servers and keys of ours.
func withNext(err error, next func(error) string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errUsage) {
		return err
	}
	if _, ok := errors.AsType[*hallmark.HintError](err); ok {
		return err
	}
	if hint := next(err); hint != "" {
		return hallmark.WithHint(err, hint)
	}
	return err
}

// programNext is the next step for a program in a jail, empty where the usual one is right.
func programNext(err error) string {
	if run, ok := errors.AsType[*sandbox.RunError](err); ok {
		return programEnd(run.Verdict)
	}
	switch {
	case errors.Is(err, hallmark.ErrUnauthenticated):
		return "start the program without a key: nobody else can connect to it"
	case errors.Is(err, hallmark.ErrNotFound):
		return "name the model as the program does, with --model; the program has to serve /v1/chat/completions: " + runnersDoc
	case errors.Is(err, hallmark.ErrUnavailable):
		return "run the program by itself and send it this request; what it has to answer stands in " + runnersDoc
	case errors.Is(err, hallmark.ErrUndecided): // it ended
		return "the program has to stay in the foreground and listen at 127.0.0.1, on the port that {port} stands for; files and libraries that it " +
			"misses are named by --bind: " + runnersDoc
	}
	return ""
}

// programEnd is the next step after an end of a program's jail.
func programEnd(v hallmark.RunVerdict) string {
	switch v {
	case hallmark.RunProtocolError:
		return "the program has to answer as an OpenAI-compatible server does: " + runnersDoc
	case hallmark.RunWallLimit:
		return "see that the program listens at 127.0.0.1, on the port that {port} stands for, and answers; if it is only slow, raise --wall"
	case hallmark.RunCPULimit:
		return "raise --wall, which bounds processor time too"
	case hallmark.RunMemoryLimit:
		return "raise --memory, or have the program use less; /tmp counts by --scratch"
	case hallmark.RunOutputLimit:
		return "have the program write less to its log"
	case hallmark.RunCrash, hallmark.RunPolicyViolation:
		return "run the program by itself and send it the requests of the suite; what its jail allows stands in " + runnersDoc
	case hallmark.RunOK, hallmark.RunFinding, hallmark.RunInvalidInput, hallmark.RunUnsandboxed, hallmark.RunInfraError:
	}
	return ""
}

// endpointNext is the next step for a model behind a URL, empty where the usual one is right.
func endpointNext(err error) string {
	if _, ok := errors.AsType[*openai.ReplyError](err); ok {
		return "the endpoint has to answer as an OpenAI-compatible server does; check --endpoint, which goes up to /v1: " + runnersDoc
	}
	switch {
	case errors.Is(err, hallmark.ErrUnauthenticated):
		return "set " + endpointKey + " to the endpoint's key"
	case errors.Is(err, hallmark.ErrNotFound):
		return "check --endpoint, which goes up to /v1, and --model, the model's name there"
	case errors.Is(err, hallmark.ErrUnavailable):
		return "check that the endpoint is there and answers: curl URL/models"
	case errors.Is(err, hallmark.ErrUndecided):
		return "raise --wall and run again"
	}
	return ""
}
