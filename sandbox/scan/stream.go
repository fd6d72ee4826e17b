package scan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// A stream reads forward and skips what nobody looks at: over a file that costs nothing.
type stream struct {
	ra   io.ReaderAt // nil if r is read
	r    io.Reader
	size int64 // length; unknown if negative
	off  int64 // of buf[0]
	buf  []byte
	at   int // next byte in buf
	end  int // valid bytes in buf
	err  error
}

const streamBuffer = 64 << 10

var errLong = errors.New("a line is over the limit")

func newStreamAt(r io.ReaderAt, size int64) *stream {
	return &stream{ra: r, size: size, buf: make([]byte, min(max(size, 16), streamBuffer))}
}

func newStream(r io.Reader) *stream { return &stream{r: r, size: -1, buf: make([]byte, streamBuffer)} }

// pos is the offset of the next byte.
func (s *stream) pos() int64 { return s.off + int64(s.at) }

// fill makes at least n bytes available, at most the buffer's size, unless the stream ends before.
func (s *stream) fill(n int) {
	copy(s.buf, s.buf[s.at:s.end])
	s.off, s.end, s.at = s.off+int64(s.at), s.end-s.at, 0
	for s.end < n && s.err == nil {
		var got int
		if s.ra != nil {
			p := s.buf[s.end:]
			if rest := s.size - s.off - int64(s.end); int64(len(p)) > rest {
				p = p[:max(rest, 0)]
			}
			if len(p) == 0 {
				s.err = io.EOF
				return
			}
			got, s.err = s.ra.ReadAt(p, s.off+int64(s.end))
		} else {
			got, s.err = s.r.Read(s.buf[s.end:])
		}
		s.end += got
	}
}

// atEnd reports whether nothing is left.
func (s *stream) atEnd() bool {
	if s.at == s.end {
		s.fill(1)
	}
	return s.at == s.end
}

func (s *stream) byte() (byte, error) {
	if s.at == s.end && s.atEnd() {
		return 0, s.cut()
	}
	b := s.buf[s.at]
	s.at++
	return b, nil
}

// cut is the error of bytes that are missing.
func (s *stream) cut() error {
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return s.err
	}
	return io.ErrUnexpectedEOF
}

// take returns the next n bytes, which stay valid until the next read. n is at most a kilobyte.
func (s *stream) take(n int) ([]byte, error) {
	if s.end-s.at < n {
		s.fill(n)
		if s.end < n {
			return nil, s.cut()
		}
	}
	b := s.buf[s.at : s.at+n]
	s.at += n
	return b, nil
}

// peek returns up to n bytes without moving on.
func (s *stream) peek(n int) []byte {
	if s.end-s.at < n {
		s.fill(n)
	}
	return s.buf[s.at:min(s.end, s.at+n)]
}

func (s *stream) skip(n uint64) error {
	if here := uint64(s.end - s.at); n <= here { //nolint:gosec // G115: at is never past the end
		s.at += int(n) //nolint:gosec // G115: at most the buffer's size
		return nil
	}
	if s.ra != nil {
		if left := s.size - s.pos(); left < 0 || n > uint64(left) {
			return io.ErrUnexpectedEOF
		}
		s.off, s.at, s.end = s.pos()+int64(n), 0, 0 //nolint:gosec // G115: inside the file
		return nil
	}
	for n > 0 {
		if s.atEnd() {
			return s.cut()
		}
		step := min(n, uint64(s.end-s.at)) //nolint:gosec // G115: not negative
		s.at += int(step)                  //nolint:gosec // G115: at most the buffer's size
		n -= step
	}
	return nil
}

// uint reads a little-endian number of 1, 2, 4 or 8 bytes.
func (s *stream) uint(width int) (uint64, error) {
	b, err := s.take(width)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

// line reads up to a line break, which is not returned. Of a long line only the beginning is returned.
func (s *stream) line() (text string, long bool, err error) {
	var b []byte
	for {
		if s.atEnd() {
			return "", false, s.cut()
		}
		rest := s.buf[s.at:s.end]
		i := bytes.IndexByte(rest, '\n')
		if i >= 0 {
			rest = rest[:i]
		}
		s.at += len(rest)
		keep := min(len(rest), maxLine-len(b))
		b, long = append(b, rest[:keep]...), long || keep < len(rest)
		if i >= 0 {
			s.at++
			return string(b), long, nil
		}
	}
}

// shortLine is line for names and numbers, which are never long.
func (s *stream) shortLine() (string, error) {
	text, long, err := s.line()
	if err == nil && long {
		err = errLong
	}
	return text, err
}

// Read makes the rest of the stream an [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	if s.at == s.end && s.atEnd() {
		if s.err == nil {
			return 0, io.EOF
		}
		return 0, s.err
	}
	n := copy(p, s.buf[s.at:s.end])
	s.at += n
	return n, nil
}

// left is how many bytes are left, as far as is known.
func (s *stream) left() int64 {
	if s.size < 0 {
		return math.MaxInt64
	}
	return s.size - s.pos()
}
