// Package large writes files of any size in the formats of weights, for measurements. Their tensor data is a pattern of
// finite numbers; they are written into the caller's temporary directory and never kept.
package large

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Kinds are the names of the files that [Write] writes.
var Kinds = []string{"f16.gguf", "q8_0.gguf", "model.safetensors", "model.pt", "weights.h5"}

// Write writes a file of a little more than size bytes into dir and returns its path. An HDF5 file is the one of h5 with a
// data set of that size.
func Write(dir, kind string, size int64, h5 []byte) (path string, err error) {
	path = filepath.Join(dir, kind)
	f, err := os.Create(path) //nolint:gosec // G304: a path of the caller
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	switch kind {
	case "f16.gguf":
		err = writeGGUF(w, 1, 1, 2, size)
	case "q8_0.gguf":
		err = writeGGUF(w, 8, 32, 34, size)
	case "model.safetensors":
		err = writeSafetensors(w, size)
	case "model.pt":
		err = writeTorch(w, size)
	case "weights.h5":
		err = writeHDF5(w, h5, size)
	default:
		err = errors.New("no such kind: " + kind)
	}
	return path, errors.Join(err, w.Flush())
}

// fill writes n bytes that are finite numbers in all formats.
func fill(w io.Writer, n int64) error {
	part := bytes.Repeat([]byte("0123456789:;<=>?"), 1<<12)
	for n > 0 {
		step := min(n, int64(len(part)))
		if _, err := w.Write(part[:step]); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

// writeGGUF writes tensors of 16 MiB.
func writeGGUF(w io.Writer, kind uint32, elements, block uint64, size int64) error {
	const tensor = 16 << 20
	blocks := uint64(tensor) / block / 1024 * 1024
	count := max(1, uint64(size)/(blocks*block)) //nolint:gosec // G115: sizes are of the tests
	b := []byte("GGUF\x03\x00\x00\x00")
	b = binary.LittleEndian.AppendUint64(b, count)
	b = binary.LittleEndian.AppendUint64(b, 0)
	for i := range count {
		name := fmt.Sprintf("blk.%d.weight", i)
		b = append(binary.LittleEndian.AppendUint64(b, uint64(len(name))), name...)
		b = binary.LittleEndian.AppendUint32(b, 2)
		b = binary.LittleEndian.AppendUint64(b, 1024*elements)
		b = binary.LittleEndian.AppendUint64(b, blocks/1024)
		b = binary.LittleEndian.AppendUint32(b, kind)
		b = binary.LittleEndian.AppendUint64(b, i*blocks*block)
	}
	b = append(b, make([]byte, (32-len(b)%32)%32)...)
	if _, err := w.Write(b); err != nil {
		return err
	}
	return fill(w, int64(count*blocks*block)) //nolint:gosec // G115: sizes are of the tests
}

func writeSafetensors(w io.Writer, size int64) error {
	const tensor = 16 << 20
	var header bytes.Buffer
	header.WriteString(`{"__metadata__":{"format":"pt"}`)
	at := int64(0)
	for i := 0; at < size; i++ {
		fmt.Fprintf(&header, `,"layers.%d.weight":{"dtype":"F16","shape":[%d,1024],"data_offsets":[%d,%d]}`, i, tensor/2048, at, at+tensor)
		at += tensor
	}
	header.WriteString("}")
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))); err != nil { //nolint:gosec // G115: not negative
		return err
	}
	if _, err := header.WriteTo(w); err != nil {
		return err
	}
	return fill(w, at)
}

// writeTorch writes an archive as torch does: a pickle, here of nothing, and raw storages of 16 MiB beside it.
func writeTorch(w io.Writer, size int64) error {
	archive := zip.NewWriter(w)
	member := func(name string) (io.Writer, error) {
		return archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	}
	pickle, err := member("archive/data.pkl")
	if err == nil {
		_, err = pickle.Write([]byte("\x80\x02}q\x00."))
	}
	for at := int64(0); at < size && err == nil; at += 16 << 20 {
		var storage io.Writer
		if storage, err = member(fmt.Sprintf("archive/data/%d", at>>24)); err == nil {
			err = fill(storage, min(16<<20, size-at))
		}
	}
	return errors.Join(err, archive.Close())
}

// writeHDF5 writes an HDF5 file whose superblock is of version 0 and moves the data of its first contiguous data set, as
// long as size, behind its end.
func writeHDF5(w io.Writer, small []byte, size int64) error {
	b := bytes.Clone(small)
	end := uint64(len(b))
	binary.LittleEndian.PutUint64(b[40:], end+uint64(size)) //nolint:gosec // G115: sizes are of the tests
	moved := false
	for at := 96; at+18 <= len(b) && !moved; at++ {
		place, n := binary.LittleEndian.Uint64(b[at+2:]), binary.LittleEndian.Uint64(b[at+10:])
		if b[at] == 3 && b[at+1] == 1 && place >= 96 && place < end && n > 0 && n <= end-place {
			binary.LittleEndian.PutUint64(b[at+2:], end)
			binary.LittleEndian.PutUint64(b[at+10:], uint64(size)) //nolint:gosec // G115: sizes are of the tests
			moved = true
		}
	}
	if !moved || len(b) < 96 || b[8] != 0 {
		return errors.New("the HDF5 file has no superblock of version 0 or no contiguous data set")
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return fill(w, size)
}
