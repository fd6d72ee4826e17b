package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	lengthSize = 4
	headerSize = 6 // type, flags, id; counted by the length field
	maxPayload = MaxFrame - headerSize

	flagMore = 1
)

// A Message is one request or reply.
type Message interface {
	Type() Type
	// encode appends the payload.
	encode(b []byte) []byte
}

// Write sends m as one frame, or as several if it is longer than a frame can be. It writes frame by frame, so a reader
// that stopped blocks it no later than a frame into the message.
func Write(w io.Writer, id uint32, m Message) error {
	payload := m.encode(nil)
	for {
		part, flags := payload, byte(0)
		if len(part) > maxPayload {
			part, flags = part[:maxPayload], flagMore
		}
		frame := make([]byte, 0, lengthSize+headerSize+len(part))
		frame = binary.LittleEndian.AppendUint32(frame, uint32(headerSize+len(part)))
		frame = append(frame, byte(m.Type()), flags)
		frame = binary.LittleEndian.AppendUint32(frame, id)
		if _, err := w.Write(append(frame, part...)); err != nil {
			return fmt.Errorf("write %v: %w", m.Type(), err)
		}
		if payload = payload[len(part):]; flags == 0 {
			return nil
		}
	}
}

// A Reader reads messages of one direction. It never reads past the message that it returns.
type Reader struct {
	r      io.Reader
	limit  int
	decode func(Type, *decoder) Message
}

// NewRequestReader reads what a supervisor sends. A message may have at most limit bytes.
func NewRequestReader(r io.Reader, limit int) *Reader {
	return &Reader{r: r, limit: limit, decode: decodeRequest}
}

// NewReplyReader reads what a guest sends. A message may have at most limit bytes.
func NewReplyReader(r io.Reader, limit int) *Reader {
	return &Reader{r: r, limit: limit, decode: decodeReply}
}

// Next returns the next message and the id of its request. At the end of the stream between two messages the error is
// [io.EOF]; bytes that are not a message of this direction are [ErrProtocol].
func (r *Reader) Next() (uint32, Message, error) {
	first, payload, err := r.frame()
	if err != nil {
		return 0, nil, err
	}
	for last := first; last.more; {
		var part []byte
		if last, part, err = r.frame(); err != nil {
			return 0, nil, unexpected(err)
		}
		if last.typ != first.typ || last.id != first.id {
			return 0, nil, fmt.Errorf("%v %d goes on as %v %d: %w", first.typ, first.id, last.typ, last.id, ErrProtocol)
		}
		if len(part) == 0 {
			return 0, nil, fmt.Errorf("%v %d goes on with nothing: %w", first.typ, first.id, ErrProtocol)
		}
		if len(payload)+len(part) > r.limit {
			return 0, nil, fmt.Errorf("%v %d is longer than %d bytes: %w", first.typ, first.id, r.limit, ErrProtocol)
		}
		payload = append(payload, part...)
	}
	d := &decoder{b: payload}
	m := r.decode(first.typ, d)
	if m == nil {
		return 0, nil, fmt.Errorf("%v is not a message of this direction: %w", first.typ, ErrProtocol)
	}
	if err := d.finish(); err != nil {
		return 0, nil, fmt.Errorf("%v %d: %w", first.typ, first.id, err)
	}
	return first.id, m, nil
}

type header struct {
	typ  Type
	more bool
	id   uint32
}

func (r *Reader) frame() (header, []byte, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r.r, b[:lengthSize]); err != nil {
		if errors.Is(err, io.EOF) {
			return header{}, nil, io.EOF
		}
		return header{}, nil, fmt.Errorf("read a frame's length: %w", unexpected(err))
	}
	length := binary.LittleEndian.Uint32(b[:])
	if length < headerSize || length > MaxFrame || int(length)-headerSize > r.limit {
		return header{}, nil, fmt.Errorf("frame of %d bytes, want %d to %d: %w", length, headerSize, min(MaxFrame, r.limit+headerSize), ErrProtocol)
	}
	if _, err := io.ReadFull(r.r, b[:]); err != nil {
		return header{}, nil, fmt.Errorf("read a frame of %d bytes: %w", length, unexpected(err))
	}
	flags := b[1]
	h := header{typ: Type(b[0]), more: flags == flagMore, id: binary.LittleEndian.Uint32(b[2:])}
	if flags&^flagMore != 0 {
		return h, nil, fmt.Errorf("frame with unknown flags %#x: %w", flags, ErrProtocol)
	}
	if h.more && length != MaxFrame { // or a message could come in any number of crumbs
		return h, nil, fmt.Errorf("%v %d goes on after a frame of %d bytes, want %d: %w", h.typ, h.id, length, MaxFrame, ErrProtocol)
	}
	payload := make([]byte, length-headerSize)
	if _, err := io.ReadFull(r.r, payload); err != nil {
		return h, nil, fmt.Errorf("read a frame of %d bytes: %w", length, unexpected(err))
	}
	return h, payload, nil
}

// unexpected makes an end in the middle of a message a violation; other errors of the stream stay what they are.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the stream ends inside a message: %w", errors.Join(io.ErrUnexpectedEOF, ErrProtocol))
	}
	return err
}
