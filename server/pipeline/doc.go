// Package pipeline takes one model version through Hallmark: submit, fingerprint, scan, test, decide, attest, anchor,
// serve. One file per step, in that order; transitions.go holds the table of states.
//
// # Steps
//
// Every step is a function from a job and the version's row to a [hallmark.Change]: the row as it shall be, the events,
// and the job that follows. The store writes the change and the completion of the job in one transaction. So a step may
// be killed anywhere and run again: whatever it did outside the database is keyed by content (evidence, log leaves) or
// by an idempotency key (chain intents), and doing it twice is doing it once.
//
// A step that meets [hallmark.ErrUnavailable] is put off with a growing delay, and the version's Problem says why. Any
// other error ends the version in state failed with its reason. A failed version may be submitted again and starts over.
//
// Blocked and challenged versions are signed and anchored like allowed ones; only serving differs. An undecided verdict
// is never served: it ends in challenged, with its reasons, because a person has to look at it or submit it again with
// more evidence. A run that gave no report at all (wall limit, host that cannot isolate) has nothing to attest and fails.
//
// # Reviews and learning
//
// A version whose verdict is challenge waits for a person. [Flow.DecideReview] takes the signed decision and enqueues three
// more jobs, which start from that state: log it, anchor the log's head, settle it. What ends such a job ends the review and
// not the version, which waits again. [Learning] is the feedback loop behind the order in which findings are shown.
//
// # How server/api uses it
//
// Uploads are streamed to a file by the API, which knows the digest when the last byte is there:
//
//	art, err := flow.AddArtifact(ctx, hallmark.Artifact{Kind: hallmark.KindModel, Name: name, Path: path, Digest: d})
//
// A path on the server (under an allowed root) has no digest yet and is Referenced; AddArtifact reads it. Then
//
//	sub, created, err := flow.Submit(ctx, pipeline.SubmitRequest{Owner: key.ID, Model: art.Digest, ...})
//
// checks signatures and lineage, and returns the first submission (created false) for one that was there already.
// Status is read from the store: Submission, Version, Versions. The event stream replays and then follows:
//
//	for event, err := range flow.Events(ctx, sub.ID, lastEventID) { ... }
//
// It ends by itself when the version came to rest and everything was sent, or with ctx. [Resting] tells the end states.
// Revoke takes a version out of service.
//
// # Wiring
//
// cli/hallmark gives [Flow.Handlers] to the store's Work, passes [Broadcaster.Wake] to the store as its commit hook, and
// calls [Flow.Restore] before the gateway listens, so that a restarted server serves what it served.
package pipeline
