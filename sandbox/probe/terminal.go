package probe

// terminalControl reports whether a terminal that prints the text would leave its ground state: an escape sequence of
// two characters or more (CSI, OSC, DCS, charset, reset) begins, in the seven-bit form or as a C1 control character.
//
// Source: ECMA-48, and the parser of DEC terminals that emulators follow: from ground, ESC followed by 0x20-0x7e enters a
// sequence; ESC at the end of the text or before a control character does not.
func terminalControl(text string) bool {
	escape := false
	for _, r := range text {
		switch {
		case escape && r >= 0x20 && r <= 0x7e:
			return true
		case r == 0x90 || r == 0x9b || r == 0x9d || r == 0x9e || r == 0x9f || r == 0x98:
			return true // DCS, CSI, OSC, PM, APC, SOS
		}
		escape = r == 0x1b
	}
	return false
}

// bidiControl reports characters that reorder the text after them (embeddings, overrides, isolates).
func bidiControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
