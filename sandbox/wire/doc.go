// Package wire is the language between the supervisor and the jailed guest: length-prefixed binary frames, written by
// hand so that both parsers are total, bounded and free of reflection.
//
// A frame is
//
//	length  uint32  bytes after this field, at most [MaxFrame]
//	type    uint8   [Type]
//	flags   uint8   bit 0: the message goes on in the next frame, which has the same type and id; this one is as long as can be
//	id      uint32  of the request; a reply repeats it
//	payload
//
// little-endian throughout. A message is the payload of one frame or of several in a row. The supervisor sends one
// request at a time and reads its replies: any number of [Piece] for a streamed [Generate] or a [Quantise], then exactly one other
// message, which is a [Failure] if the request did not work. [Cancel] is the only message that it sends in between.
//
// Both peers treat what they read as hostile. Counts are checked against the bytes that are there before anything is
// allocated, NaN never passes, and text that people will see is cleaned by the reader. What is model text (prompts,
// completions) passes as it is, because detectors have to see it.
package wire

import "errors"

// Version of the protocol. A guest that speaks another one is refused at [Hello].
const Version = 4

// MaxFrame is the largest value of a frame's length field, in bytes.
const MaxFrame = 1 << 20

// ErrProtocol marks bytes that are not a message. The stream is unusable afterwards.
var ErrProtocol = errors.New("protocol violation")
