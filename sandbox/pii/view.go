package pii

import "unsafe"

// viewOf returns b as a string without a copy. The string is the scanner's alone and gone before b changes.
func viewOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b)) //nolint:gosec // G103: bytes are not written while the view lives, see above
}
