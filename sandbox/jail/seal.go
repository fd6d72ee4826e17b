package jail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

const allSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// chunk is how many bytes are copied between two looks at the context.
const chunk = 1 << 20

// Seal copies r to its end into a memory file that nobody can change any more, and returns it, read-only, with the SHA-256 of
// exactly the bytes in it.
func Seal(ctx context.Context, name string, r io.Reader) (*os.File, hallmark.Digest, error) {
	return seal(ctx, name, r, unix.MFD_NOEXEC_SEAL)
}

// SealProgram is [Seal] for a program that [Start] can run.
func SealProgram(ctx context.Context, r io.Reader) (*os.File, hallmark.Digest, error) {
	// A process forked meanwhile would hold the writable descriptor until it execs, and running a file that is open for
	// writing is ETXTBSY.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return seal(ctx, "hallmark-guest", r, unix.MFD_EXEC)
}

func seal(ctx context.Context, name string, r io.Reader, exec int) (*os.File, hallmark.Digest, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|exec)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 there were no such flags, and every memory file was executable
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("create a memory file for %s: %w", name, errors.Join(err, hallmark.ErrUnavailable))
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := copyAll(ctx, f, r); err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("copy %s into memory: %w", name, err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, allSeals); err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("seal the memory file of %s: %w", name, err)
	}
	// Only the read-only descriptor survives: not even a mistake of ours can ask to write.
	sealed, err := os.Open("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("reopen the memory file of %s read-only: %w", name, err)
	}
	// Not hashed on the way in: until the seals are on, another process of this user can write to it through /proc.
	hash := sha256.New()
	if err := copyAll(ctx, hash, io.NewSectionReader(sealed, 0, math.MaxInt64)); err != nil {
		return nil, hallmark.Digest{}, fmt.Errorf("hash %s: %w", name, errors.Join(err, sealed.Close()))
	}
	return sealed, hallmark.Digest(hash.Sum(nil)), nil
}

// copyAll copies r to its end, unless ctx ends before.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.CopyN(w, r, chunk)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Sealed reports whether nobody can change f's bytes or size.
func Sealed(f *os.File) bool {
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	return err == nil && seals&allSeals == allSeals
}
