package output

import "github.com/charmbracelet/x/term"

// TerminalSize returns the size of a terminal, and zeros for a stream that is none.
func TerminalSize(stream any) (width, height int) {
	if !IsTerminal(stream) {
		return 0, 0
	}
	w, h, err := term.GetSize(stream.(interface{ Fd() uintptr }).Fd())
	if err != nil {
		return 0, 0
	}
	return w, h
}

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(f.Fd())
}
