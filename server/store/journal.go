package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/hallmark-ml/hallmark"
)

// A Journal is a file of records that only grows. A batch of records is in it whole or not at all, whenever the process
// dies.
//
// Format: the 8 bytes of journalMagic, then one frame a batch: length of the payload, CRC-32C of the payload, CRC-32C of the
// 8 bytes before (all uint32, little-endian), payload. The payload is the records, each behind its length (uvarint).
type Journal struct {
	f    *os.File
	size int64 // of what is whole; 0 before Replay
	buf  []byte
}

const (
	journalMagic = "hmjrnl1\n"
	frameHeader  = 12
	// maxFrame bounds a payload in bytes: a longer one is damage, or a batch to be refused.
	maxFrame = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenJournal opens the file at path, or makes it. It takes batches once [Journal.Replay] is done.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: in the data directory, which is the operator's
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Journal{f: f}, nil
}

// Replay calls each with the records of every batch in order; they are valid during the call. A batch that was being
// written when the process died is cut off; one that is damaged in the middle of the file is a [*CorruptError], and the file
// is left as it is.
func (j *Journal) Replay(each func(records [][]byte) error) error {
	path := j.f.Name()
	info, err := j.f.Stat()
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if info.Size() < int64(len(journalMagic)) { // new, or killed while it was made
		return j.start()
	}
	magic := make([]byte, len(journalMagic))
	if _, err := io.ReadFull(j.f, magic); err != nil || string(magic) != journalMagic {
		return corrupt(path, "", "it does not begin as a journal does")
	}
	j.size = int64(len(journalMagic))
	for {
		payload, err := j.next(path, info.Size())
		if err != nil {
			return err
		}
		if payload == nil {
			break
		}
		records, err := splitRecords(payload)
		if err != nil {
			return corrupt(path, fmt.Sprint(j.size), "%w", err)
		}
		if err := each(records); err != nil {
			return fmt.Errorf("replay journal %s at %d: %w", path, j.size, err)
		}
		j.size += frameHeader + int64(len(payload))
	}
	if err := j.f.Truncate(j.size); err != nil {
		return fmt.Errorf("cut journal %s: %w", path, err)
	}
	return j.f.Sync()
}

// start writes the first bytes of a journal.
func (j *Journal) start() error {
	if err := j.f.Truncate(0); err != nil {
		return fmt.Errorf("make journal: %w", err)
	}
	if _, err := j.f.WriteAt([]byte(journalMagic), 0); err != nil {
		return fmt.Errorf("make journal: %w", err)
	}
	j.size = int64(len(journalMagic))
	return j.f.Sync()
}

// next reads the payload of the frame at j.size; nil where the whole ones end. Only the last frame may be broken: it was
// never acknowledged.
func (j *Journal) next(path string, end int64) ([]byte, error) {
	left := end - j.size
	if left < frameHeader {
		return nil, nil
	}
	head := make([]byte, frameHeader)
	if _, err := j.f.ReadAt(head, j.size); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	length := int64(binary.LittleEndian.Uint32(head))
	if crc32.Checksum(head[:8], castagnoli) != binary.LittleEndian.Uint32(head[8:]) || length > maxFrame || length == 0 {
		if j.zeros(end) {
			return nil, nil
		}
		return nil, corrupt(path, fmt.Sprint(j.size), "the frame's header is damaged")
	}
	if frameHeader+length > left {
		return nil, nil
	}
	payload := make([]byte, length)
	if _, err := j.f.ReadAt(payload, j.size+frameHeader); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if crc32.Checksum(payload, castagnoli) == binary.LittleEndian.Uint32(head[4:]) {
		return payload, nil
	}
	if frameHeader+length == left { // the file grew before its pages were written
		return nil, nil
	}
	return nil, corrupt(path, fmt.Sprint(j.size), "the frame's content is damaged")
}

// zeros reports whether nothing but zeros follows, which is what a power failure leaves of a file that grew.
func (j *Journal) zeros(end int64) bool {
	buf := make([]byte, 64<<10)
	for at := j.size; at < end; {
		n, err := j.f.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		for _, b := range buf[:n] {
			if b != 0 {
				return false
			}
		}
		if at += int64(n); err != nil {
			return at == end
		}
	}
	return true
}

func splitRecords(payload []byte) ([][]byte, error) {
	var records [][]byte
	for len(payload) > 0 {
		n, size := binary.Uvarint(payload)
		if size <= 0 || n > uint64(len(payload)-size) { //nolint:gosec // G115: size is at most the length
			return nil, fmt.Errorf("a record is longer than its batch: %w", hallmark.ErrInvalid)
		}
		records = append(records, payload[size:size+int(n)]) //nolint:gosec // G115: compared with the length above
		payload = payload[size+int(n):]                      //nolint:gosec // G115: likewise
	}
	return records, nil
}

// Append writes a batch. When it returns nil, the records outlive the process and a loss of power; otherwise nothing of the
// batch is in the file. Not for concurrent use.
func (j *Journal) Append(records [][]byte) error {
	j.buf = append(j.buf[:0], make([]byte, frameHeader)...)
	for _, r := range records {
		j.buf = append(binary.AppendUvarint(j.buf, uint64(len(r))), r...)
	}
	payload := j.buf[frameHeader:]
	if len(payload) == 0 {
		return nil
	}
	if j.size == 0 {
		return fmt.Errorf("append to journal: it was not replayed: %w", hallmark.ErrInvalid)
	}
	if len(payload) > maxFrame {
		return fmt.Errorf("append to journal: batch of %d bytes, at most %d: %w", len(payload), maxFrame, hallmark.ErrTooLarge)
	}
	binary.LittleEndian.PutUint32(j.buf, uint32(len(payload))) //nolint:gosec // G115: at most maxFrame
	binary.LittleEndian.PutUint32(j.buf[4:], crc32.Checksum(payload, castagnoli))
	binary.LittleEndian.PutUint32(j.buf[8:], crc32.Checksum(j.buf[:8], castagnoli))
	_, err := j.f.WriteAt(j.buf, j.size)
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("append to journal: %w: %w", err, hallmark.ErrUnavailable), j.f.Truncate(j.size))
	}
	j.size += int64(len(j.buf))
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
