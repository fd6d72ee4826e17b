package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Exit codes. They are interface: CI jobs and scripts branch on them, and nothing but an allow or a clean check is 0.
const (
	exitOK          = 0
	exitBlock       = 1
	exitUsage       = 2
	exitUndecided   = 3
	exitUnsandboxed = 4
	exitChallenge   = 5
)

// errUsage is a wrong command line or configuration.
var errUsage = errors.New("usage")

// errOutput is an output that takes nothing more: a full disk.
var errOutput = errors.New("output cannot be written")

// errChallenge is a verdict that waits for a person.
var errChallenge = errors.New("challenge")

// failures maps error kinds to exit code and to the step that usually helps; the first match counts.
var failures = []struct {
	kind error
	code int
	next string
}{
	{hallmark.ErrDigest, 10, "compare the file with the one that was submitted: `hallmark fingerprint PATH`"},
	{hallmark.ErrSignature, 11, "fetch the bundle again; if it still fails, do not trust it"},
	{hallmark.ErrKey, 12, "check who signed: `hallmark key list`, or name the key with --key"},
	{hallmark.ErrPredicate, 13, "fetch the bundle that belongs to this artifact"},
	{hallmark.ErrLineage, 14, "see the graph: `hallmark lineage DIGEST`"},
	{hallmark.ErrAnchorMissing, 15, "wait for the anchor, or check --rpc and --contract"},
	{hallmark.ErrAnchorDepth, 16, "wait for the head, or accept a lower one with --head"},
	{hallmark.ErrRevoked, 17, "use a version that was not revoked: `hallmark lineage DIGEST`"},
	{hallmark.ErrLogProof, 18, "do not trust this log; compare its checkpoints"},
	{hallmark.ErrEvidenceMissing, 19, "check --gateway"},
	{errChallenge, exitChallenge, "a person has to review the reasons above"},
	{hallmark.ErrRefused, exitBlock, "see the reasons: `hallmark status DIGEST`"},
	{hallmark.ErrUnsandboxed, exitUnsandboxed, "see what this host lacks: `hallmark doctor`"},
	{hallmark.ErrUndecided, exitUndecided, "raise the limit or the number of cases and run again"},
	{hallmark.ErrUnavailable, exitUndecided, "check that it runs: `hallmark doctor`"},
	{context.Canceled, exitUndecided, "run the command again; a server resumes by itself"},
	{context.DeadlineExceeded, exitUndecided, "raise --timeout and run again"},
	{hallmark.ErrUnauthenticated, exitUsage, "pass --api-key or set HALLMARK_API_KEY; the server writes it to DATA/api-key on its first start"},
	{errUsage, exitUsage, "see `hallmark help`"},
	{errOutput, exitUnsandboxed, "make room, or write elsewhere"},
	{hallmark.ErrNotFound, exitUsage, "check the name: `hallmark status` lists what there is"},
	{hallmark.ErrTooLarge, exitUsage, "see the limits: `hallmark doctor`"},
	{hallmark.ErrConflict, exitUsage, "see what is there: `hallmark status`"},
	{hallmark.ErrInvalid, exitUsage, "see `hallmark help`"},
}

// exitCode returns the exit code of err; an error of no known kind is an internal one.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	for _, f := range failures {
		if errors.Is(err, f.kind) {
			return f.code
		}
	}
	return exitUnsandboxed
}

// printError says what failed, why, and the next step.
func printError(w io.Writer, err error) {
	const internalError = "internal error"
	kind, next := internalError, "please report it with the command and this text"
	for _, f := range failures {
		if errors.Is(err, f.kind) {
			kind, next = f.kind.Error(), f.next
			break
		}
	}
	if hint, ok := errors.AsType[*hallmark.HintError](err); ok {
		if next = hint.Hint; kind == internalError {
			kind = "" // what is known how to go on from
		}
	}
	fmt.Fprintf(w, "hallmark: %s\n", sanitize(err.Error()))
	if !strings.Contains(err.Error(), kind) {
		fmt.Fprintf(w, "  why:  %s\n", kind)
	}
	fmt.Fprintf(w, "  next: %s\n", sanitize(next))
}

// sanitize makes text that may come from a model file safe for a terminal: control characters become escapes.
func sanitize(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && r != '\t' && steers(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers reports whether a character could steer a terminal, or change the order of what stands there.
func steers(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == 0x2028 || r == 0x2029 || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
}
