package pipeline

import (
	"context"

	"github.com/hallmark-ml/hallmark"
)

// A journal commits the completed cases of a run in their order, one transaction each, while the model works on the
// next case. A crash loses at most the two cases that were not committed yet; they are run again, with the same outcome.
type journal struct {
	entries chan journalEntry
	ended   chan struct{} // closed when nothing more is written
	err     error         // why it ended early; read only behind ended
}

type journalEntry struct {
	evidence hallmark.CaseEvidence
	event    hallmark.Event
}

// openJournal starts the writer; close ends it. What was added is written even if ctx ends meanwhile.
func openJournal(ctx context.Context, store Journal, run string) *journal {
	j := &journal{entries: make(chan journalEntry), ended: make(chan struct{})}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(j.ended)
		for e := range j.entries {
			if j.err = store.AddCase(ctx, run, e.evidence, e.event); j.err != nil {
				return
			}
		}
	}()
	return j
}

// add hands a case over once the one before it is committed, and fails if that was not possible.
func (j *journal) add(c hallmark.CaseEvidence, e hallmark.Event) error {
	select {
	case j.entries <- journalEntry{c, e}:
		return nil
	case <-j.ended:
		return j.err
	}
}

// close waits for the last case to be committed and returns the error that ended the journal, if one did.
func (j *journal) close() error {
	close(j.entries)
	<-j.ended
	return j.err
}
