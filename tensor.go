package hallmark

import "fmt"

// MaxTensors bounds how many tensors one file may name; the largest public models have a few thousand.
const MaxTensors = 1 << 16

// CheckTensorRanges accepts ranges that a jailed guest reported for a file of size bytes only if they are sorted by
// offset, disjoint, inside the file and named; anything else is [ErrInvalid]. Only then may the host hash them.
func CheckTensorRanges(ranges []TensorRange, size int64) error {
	if len(ranges) > MaxTensors {
		return fmt.Errorf("%d tensors, at most %d: %w", len(ranges), MaxTensors, ErrTooLarge)
	}
	names := make(map[string]struct{}, len(ranges))
	end := int64(0)
	for i, r := range ranges {
		switch {
		case r.Name == "":
			return fmt.Errorf("tensor %d has no name: %w", i, ErrInvalid)
		case r.Size < 0 || r.Offset < 0 || r.Offset > size || r.Size > size-r.Offset:
			return fmt.Errorf("tensor %q at %d+%d lies outside the file of %d bytes: %w", r.Name, r.Offset, r.Size, size, ErrInvalid)
		case r.Offset < end:
			return fmt.Errorf("tensor %q at %d overlaps or precedes the one before it, which ends at %d: %w", r.Name, r.Offset, end, ErrInvalid)
		}
		if _, twice := names[r.Name]; twice {
			return fmt.Errorf("tensor %q is named twice: %w", r.Name, ErrInvalid)
		}
		names[r.Name] = struct{}{}
		end = r.Offset + r.Size
	}
	return nil
}
