package console

import "os"

// terminalInput calls closed when the terminal was closed. A program that ignores
// SIGHUP would otherwise live on without one, and keep the locks that it holds.
type terminalInput struct {
	*os.File
	closed func()
}

// Read implements io.Reader. A terminal in raw mode has no end of input: EOF and EIO
// mean that its other end was closed.
func (t terminalInput) Read(b []byte) (int, error) {
	n, err := t.File.Read(b)
	if err != nil {
		t.closed()
	}
	return n, err
}
