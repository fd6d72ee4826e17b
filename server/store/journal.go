package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hallmark-ml/hallmark"
)

// A Journal is a file of records that grows until it is begun anew with a snapshot of what they come to. A batch of records
// is in it whole or not at all, whenever the process dies.
//
// Format: the 8 bytes of journalMagic, then one frame a batch: length of the payload, CRC-32C of the payload, CRC-32C of the
// 8 bytes before (all uint32, little-endian), payload. The payload is the records, each behind its length (uvarint). A
// journal that was begun anew has the 8 bytes of snapshotMagic instead, and the snapshot is the payload of its first frame.
type Journal struct {
	path string
	f    *os.File
	size int64 // of what is whole; 0 before Replay
	buf  []byte
	err  error // nobody knows which file a loss of power leaves; nothing is taken any more
}

const (
	journalMagic  = "hmjrnl1\n"
	snapshotMagic = "hmjrnl2\n"
	frameHeader   = 12
	// maxFrame bounds a payload in bytes: a longer one is damage, or a batch to be refused.
	maxFrame = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newJournal ends the name of a journal that is being begun anew.
const newJournal = ".new"

// OpenJournal opens the file at path, or makes it. It takes batches once [Journal.Replay] is done.
func OpenJournal(path string) (*Journal, error) {
	if err := os.Remove(path + newJournal); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // G703: in the data directory; killed before it took the place
		return nil, fmt.Errorf("open journal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: in the data directory, which is the operator's
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Journal{path: path, f: f}, nil
}

// Replay calls snapshot with the snapshot that the journal was begun with, if there is one, and each with the records of
// every batch behind it in order; they are valid during the call. A batch that was being written when the process died is cut
// off; one that is damaged in the middle of the file, and a damaged snapshot, is a [*CorruptError], and the file is left as it is.
func (j *Journal) Replay(snapshot func(snapshot []byte) error, each func(records [][]byte) error) error {
	info, err := j.f.Stat()
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if info.Size() < int64(len(journalMagic)) { // new, or killed while it was made
		return j.start()
	}
	if err := j.begin(info.Size(), snapshot); err != nil {
		return err
	}
	for {
		payload, err := j.next(info.Size())
		if err != nil {
			return err
		}
		if payload == nil {
			break
		}
		records, err := splitRecords(payload)
		if err != nil {
			return corrupt(j.path, fmt.Sprint(j.size), "%w", err)
		}
		if err := each(records); err != nil {
			return fmt.Errorf("replay journal %s at %d: %w", j.path, j.size, err)
		}
		j.size += frameHeader + int64(len(payload))
	}
	if err := j.f.Truncate(j.size); err != nil {
		return fmt.Errorf("cut journal %s: %w", j.path, err)
	}
	return j.f.Sync()
}

// begin reads the first bytes, and the snapshot behind them.
func (j *Journal) begin(end int64, snapshot func([]byte) error) error {
	magic := make([]byte, len(journalMagic))
	if _, err := j.f.ReadAt(magic, 0); err != nil || string(magic) != journalMagic && string(magic) != snapshotMagic {
		return corrupt(j.path, "", "it does not begin as a journal does")
	}
	j.size = int64(len(magic))
	if string(magic) == journalMagic {
		return nil
	}
	payload, err := j.next(end)
	if err != nil {
		return err
	}
	if payload == nil { // it was whole before the file took its place
		return corrupt(j.path, fmt.Sprint(j.size), "the snapshot is cut off")
	}
	if err := snapshot(payload); err != nil {
		return fmt.Errorf("replay journal %s: its snapshot: %w", j.path, err)
	}
	j.size += frameHeader + int64(len(payload))
	return nil
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
func (j *Journal) next(end int64) ([]byte, error) {
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
		return nil, corrupt(j.path, fmt.Sprint(j.size), "the frame's header is damaged")
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
	return nil, corrupt(j.path, fmt.Sprint(j.size), "the frame's content is damaged")
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
	if err := j.ready(); err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	if len(payload) > maxFrame {
		return fmt.Errorf("append to journal: batch of %d bytes, at most %d: %w", len(payload), maxFrame, hallmark.ErrTooLarge)
	}
	putHeader(j.buf, payload)
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

// ready tells why nothing can be written, if so.
func (j *Journal) ready() error {
	if j.size == 0 {
		return fmt.Errorf("it was not replayed: %w", hallmark.ErrInvalid)
	}
	return j.err
}

// putHeader writes the header of a frame, whose payload is at most maxFrame long.
func putHeader(head, payload []byte) {
	binary.LittleEndian.PutUint32(head, uint32(len(payload))) //nolint:gosec // G115: at most maxFrame
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(payload, castagnoli))
	binary.LittleEndian.PutUint32(head[8:], crc32.Checksum(head[:8], castagnoli))
}

// Size is the length of the file, in bytes.
func (j *Journal) Size() int64 { return j.size }

// Restart begins the journal anew: with a snapshot, which holds what all batches so far come to, in their place. Whenever the
// process dies, or the power fails, the file is the old one or the new one, whole. After an error the journal is as it was and
// can be gone on with, but where a loss of power might still bring the old file back: then it takes nothing any more until it
// is opened again. Not for concurrent use.
func (j *Journal) Restart(snapshot []byte) error {
	if err := j.ready(); err != nil {
		return fmt.Errorf("begin journal anew: %w", err)
	}
	if len(snapshot) > maxFrame || len(snapshot) == 0 {
		return fmt.Errorf("begin journal anew: snapshot of %d bytes, at most %d: %w", len(snapshot), maxFrame, hallmark.ErrTooLarge)
	}
	f, size, err := writeSnapshot(j.path+newJournal, snapshot)
	if err == nil {
		if err = os.Rename(j.path+newJournal, j.path); err != nil { //nolint:gosec // G703: in the data directory, which is the operator's
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("begin journal anew: %w: %w", err, hallmark.ErrUnavailable)
	}
	old := j.f
	j.f, j.size = f, size
	if err := errors.Join(old.Close(), syncDir(filepath.Dir(j.path))); err != nil {
		j.err = fmt.Errorf("begin journal anew: it has to be opened again: %w: %w", err, hallmark.ErrUnavailable)
	}
	return j.err
}

// writeSnapshot makes a journal of a snapshot alone, durably but for its name.
func writeSnapshot(path string, snapshot []byte) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // G304: in the data directory, which is the operator's
	if err != nil {
		return nil, 0, err
	}
	head := append([]byte(snapshotMagic), make([]byte, frameHeader)...)
	putHeader(head[len(snapshotMagic):], snapshot)
	_, err = f.Write(head)
	if err == nil {
		_, err = f.Write(snapshot)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close(), os.Remove(path)) //nolint:gosec // G703: in the data directory, which is the operator's
	}
	return f, int64(len(head) + len(snapshot)), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // G304: the data directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
