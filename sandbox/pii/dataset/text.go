package dataset

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// sniff is how much of a file is looked at to tell what it is.
const sniff = 4096

// decoded returns r as UTF-8 without a byte order mark. It reports false for what is no text: bytes of zero without a
// mark of UTF-16.
func decoded(r io.Reader) (*bufio.Reader, bool, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(sniff)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err = b.Discard(3)
		return b, true, err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		_, err = b.Discard(2)
		return bufio.NewReaderSize(&utf16Reader{r: b, big: head[0] == 0xfe}, 64<<10), true, err
	}
	return b, bytes.IndexByte(head, 0) < 0, nil
}

// A utf16Reader turns UTF-16 into UTF-8. Halves that have no other half become U+FFFD.
type utf16Reader struct {
	r   *bufio.Reader
	big bool
	out []byte // decoded, not yet read
	err error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 && u.err == nil {
		u.fill()
	}
	if len(u.out) == 0 {
		return 0, u.err
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill decodes some more units.
func (u *utf16Reader) fill() {
	u.out = u.out[:0]
	for len(u.out) < 4096 && u.err == nil {
		first, ok := u.unit()
		if !ok {
			return
		}
		r := rune(first)
		if utf16.IsSurrogate(r) {
			r = u.pair(first)
		}
		u.out = utf8.AppendRune(u.out, r)
	}
}

// pair reads the second half of a pair; anything else stays for the next turn.
func (u *utf16Reader) pair(first uint16) rune {
	next, err := u.r.Peek(2)
	if err != nil {
		return utf8.RuneError
	}
	r := utf16.DecodeRune(rune(first), rune(u.join(next)))
	if r != utf8.RuneError {
		_, u.err = u.r.Discard(2)
	}
	return r
}

func (u *utf16Reader) unit() (uint16, bool) {
	var b [2]byte
	n, err := io.ReadFull(u.r, b[:])
	if err == io.ErrUnexpectedEOF && n == 1 {
		u.out = utf8.AppendRune(u.out, utf8.RuneError) // half a unit at the end
		err = io.EOF
	}
	u.err = err
	return u.join(b[:]), err == nil
}

func (u *utf16Reader) join(b []byte) uint16 {
	if u.big {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return uint16(b[1])<<8 | uint16(b[0])
}
