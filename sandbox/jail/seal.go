package jail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

const allSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// chunk is how many bytes are copied between two looks at the context.
const chunk = 1 << 20

// Seal copies r to its end into a memory file that nobody can change any more, and returns it with the SHA-256 of exactly
// these bytes. progress, if not nil, is called with the bytes copied so far.
func Seal(ctx context.Context, name string, r io.Reader, progress func(done int64)) (*os.File, hallmark.Digest, error) {
	return seal(ctx, name, r, progress, unix.MFD_NOEXEC_SEAL)
}

// SealProgram is [Seal] for a program that [Start] can run.
func SealProgram(ctx context.Context, r io.Reader) (*os.File, hallmark.Digest, error) {
	// A process forked meanwhile would hold the writable descriptor until it execs, and running a file that is open for
	// writing is ETXTBSY.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return seal(ctx, "hallmark-guest", r, nil, unix.MFD_EXEC)
}

func seal(ctx context.Context, name string, r io.Reader, progress func(int64), exec int) (*os.File, hallmark.Digest, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|exec)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 there were no such flags, and every memory file was executable
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("create a memory file for %s: %w", name, errors.Join(err, hallmark.ErrUnavailable))
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	hash := sha256.New()
	done := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return nil, hallmark.Digest{}, err
		}
		n, err := io.CopyN(io.MultiWriter(f, hash), r, chunk)
		if done += n; progress != nil && n > 0 {
			progress(done)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, hallmark.Digest{}, fmt.Errorf("copy %s into memory: %w", name, err)
		}
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, allSeals); err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("seal the memory file of %s: %w", name, err)
	}
	// Only the read-only descriptor survives: not even a mistake of ours can ask to write.
	sealed, err := os.Open("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("reopen the memory file of %s read-only: %w", name, err)
	}
	return sealed, hallmark.Digest(hash.Sum(nil)), nil
}

// Sealed reports whether nobody can change f's bytes or size.
func Sealed(f *os.File) bool {
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	return err == nil && seals&allSeals == allSeals
}
