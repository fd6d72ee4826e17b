package splice

import "strings"

// pickleAdded: the text is a pickle of protocol 0 that calls something when it is loaded. It returns the stream.
//
// Source: the opcode table of Python's pickletools (protocol 0).
func pickleAdded(src string) []string {
	named, calls := false, false
	for at := strings.TrimLeft(src, " \n"); at != ""; {
		code := at[0]
		at = at[1:]
		lines := 0
		switch code {
		case '.':
			if named && calls {
				return []string{src}
			}
			return nil
		case 'c', 'i':
			named, calls, lines = true, calls || code == 'i', 2
		case 'R', 'o':
			calls = true
		case 'F', 'I', 'L', 'S', 'V', 'P', 'g', 'p':
			lines = 1
		case '(', ')', '0', '1', '2', 'N', 'a', 'b', 'd', 'e', 'l', 's', 't', 'u', '}', ']':
		case '\n', ' ', '\r': // between opcodes where a writer was careless: Python refuses it, a lenient reader does not
		default:
			return nil
		}
		for range lines {
			_, rest, ok := strings.Cut(at, "\n")
			if !ok {
				return nil
			}
			at = rest
		}
	}
	return nil
}
