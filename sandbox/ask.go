package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

const (
	// messageLimit bounds one message of the guest, in bytes; the output limit bounds all messages of a reply.
	messageLimit = 1 << 30

	// stopTime is how long a guest may take to stop a question that was cancelled, or to end after its output did.
	stopTime = 2 * time.Second
)

// A violation is a reply that the question does not allow.
type violation struct{ detail string }

func (v *violation) Error() string { return v.detail }

func violated(format string, args ...any) error {
	return &violation{detail: fmt.Sprintf(format, args...)}
}

// ask puts one question and returns its answer, which check accepts. piece, if not nil, gets the text of a streamed reply.
func ask[T wire.Message](ctx context.Context, s *Session, q wire.Message, check func(T) error, piece func(string)) (T, error) { //nolint:ireturn // the type that the caller names
	var none T
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return none, fmt.Errorf("ask the guest: %w", ctx.Err())
	}
	return exchange(ctx, s, q, check, piece)
}

// exchange is [ask] for a caller that holds the slot.
func exchange[T wire.Message](ctx context.Context, s *Session, q wire.Message, check func(T) error, piece func(string)) (T, error) { //nolint:ireturn // the type that the caller names
	var none T
	if s.closed {
		return none, fmt.Errorf("ask the guest: the session is closed: %w", hallmark.ErrUnavailable)
	}
	if s.gone != nil {
		return none, s.gone
	}
	pieces := 0
	count := func(text string) {
		pieces++
		if piece != nil {
			piece(text)
		}
	}
	m, err := s.converse(ctx, q, count)
	if verdictOf(s.gone) == hallmark.RunInfraError && !s.retried && pieces == 0 && ctx.Err() == nil {
		s.retried = true
		if err = s.restart(ctx); err == nil {
			m, err = s.converse(ctx, q, count)
		}
	}
	if err != nil {
		return none, err
	}
	if f, ok := m.(wire.Failure); ok {
		return none, s.failure(ctx, f)
	}
	answer, ok := m.(T)
	if !ok {
		return none, s.lost(violated("answers %v to %v", m.Type(), q.Type()))
	}
	if check != nil {
		if err := check(answer); err != nil {
			return none, s.lost(err)
		}
	}
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("ask the guest: %w", err)
	}
	return answer, nil
}

// converse sends a question and reads up to the last message of the reply. An error means that the guest is gone.
func (s *Session) converse(ctx context.Context, q wire.Message, piece func(string)) (wire.Message, error) { //nolint:ireturn // a closed sum
	s.lastID++
	id := s.lastID
	s.proc.ExpectReply()
	sent := make(chan struct{})
	got := make(chan received)
	go func() {
		err := wire.Write(s.proc, id, q)
		close(sent)
		receive(s.replies, id, got, err)
	}()
	cancelled, wanted := ctx.Done(), true // pieces are
	var late <-chan time.Time
	for {
		select {
		case r := <-got:
			if r.err != nil {
				return nil, s.lost(r.err)
			}
			p, ok := r.m.(wire.Piece)
			if !ok {
				return r.m, nil
			}
			if wanted {
				piece(p.Text)
			}
		case <-cancelled:
			cancelled, wanted = nil, false
			timer := time.NewTimer(stopTime)
			defer timer.Stop()
			late = timer.C
			s.cancel(id, sent, late)
		case <-late:
			s.proc.Kill(hallmark.RunWallLimit, fmt.Sprintf("did not stop %v after it was cancelled", stopTime))
			late = nil
		}
	}
}

// cancel asks the guest to stop, once the question itself is sent.
func (s *Session) cancel(id uint32, sent <-chan struct{}, late <-chan time.Time) {
	select {
	case <-sent:
		_ = s.proc.SetWriteDeadline(time.Now().Add(stopTime)) // a pipe has deadlines
		err := wire.Write(s.proc, id, wire.Cancel{})
		_ = s.proc.SetWriteDeadline(time.Time{})
		if err == nil {
			return
		}
	case <-late:
	}
	s.proc.Kill(hallmark.RunWallLimit, "does not read")
}

type received struct {
	m   wire.Message
	err error
}

// Pieces of a reply that a guest may send: so many at once, and so many a second from then on. The engine is a tenth as
// fast; each costs the supervisor some microseconds.
const (
	pieceBurst = 50_000
	pieceRate  = 50_000
)

// receive hands on the messages of the reply to id, up to the last one or an error.
func receive(in *wire.Reader, id uint32, got chan<- received, err error) {
	started := time.Now()
	for n := 0; ; n++ {
		if err != nil {
			got <- received{err: err}
			return
		}
		var from uint32
		var m wire.Message
		from, m, err = in.Next()
		switch {
		case err != nil:
		case from != id:
			err = violated("answers question %d, asked was %d", from, id)
		case float64(n) > pieceBurst+pieceRate*time.Since(started).Seconds():
			err = violated("sends %d messages in %v", n, time.Since(started).Round(time.Millisecond))
		}
		if err != nil {
			continue
		}
		got <- received{m: m}
		if m.Type() != wire.TypePiece {
			return
		}
	}
}

// lost ends a guest that cannot be talked to any more and returns why, as an error of the session from now on.
func (s *Session) lost(err error) error {
	if v, ok := errors.AsType[*violation](err); ok {
		s.proc.Kill(hallmark.RunProtocolError, v.detail)
	} else if errors.Is(err, wire.ErrProtocol) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.proc.Kill(hallmark.RunProtocolError, err.Error())
	} // else its output ended, and how the process ends says why
	exit := s.proc.Stop()
	s.add(exit)
	s.gone = exit.Err()
	if s.gone == nil { // it was asked something, and ended as if it had not been
		s.gone = &RunError{Verdict: hallmark.RunCrash, Detail: "ended during a question"}
		s.record.Verdict, s.record.Detail = hallmark.RunCrash, "ended during a question"
	}
	return s.gone
}

// restart replaces a guest that something outside ended.
func (s *Session) restart(ctx context.Context) error {
	p, err := jail.Start(ctx, s.spec)
	if err != nil {
		return err
	}
	s.proc, s.replies, s.gone = p, wire.NewReplyReader(p, messageLimit), nil
	s.record.Verdict, s.record.Detail = hallmark.RunOK, ""
	return nil
}

// failure turns the guest's refusal into an error. What it says of the file goes into the run's verdict.
func (s *Session) failure(ctx context.Context, f wire.Failure) error {
	switch f.Kind {
	case wire.FailModel, wire.FailUnsupported:
		err := &RunError{Verdict: hallmark.RunInvalidInput, Detail: f.Text}
		s.judge(hallmark.RunInvalidInput, f.Text)
		return err
	case wire.FailRequest:
		return fmt.Errorf("ask the model: %s: %w", f.Text, hallmark.ErrInvalid)
	case wire.FailTooLarge:
		return fmt.Errorf("ask the model: %s: %w", f.Text, hallmark.ErrTooLarge)
	case wire.FailMissing:
		return fmt.Errorf("ask the model: %s: %w", f.Text, hallmark.ErrUnavailable)
	case wire.FailCanceled:
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("ask the guest: %w", err)
		}
		return s.lost(violated("says that it was cancelled, which it was not"))
	case wire.FailInternal:
		return fmt.Errorf("ask the model: guest: %s: %w", f.Text, hallmark.ErrUndecided)
	default:
		return s.lost(violated("fails with kind %d after it was locked in", f.Kind))
	}
}

// judge keeps what was found out about the file, unless something worse is known.
func (s *Session) judge(v hallmark.RunVerdict, detail string) {
	if s.record.Verdict == hallmark.RunOK || s.record.Verdict == hallmark.RunFinding {
		s.record.Verdict, s.record.Detail = v, hallmark.CleanText(detail, maxWhy)
	}
}
