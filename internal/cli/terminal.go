package cli

import "os"

// terminalInput calls gone when the terminal is gone. A program that SIGHUP does
// not end would otherwise live on without one, and keep the locks that it holds.
type terminalInput struct {
	*os.File
	gone func()
}

// Read reads what is typed. A terminal in raw mode has no end of its input: it
// ends with EOF or EIO when nobody has it open any more.
func (t terminalInput) Read(b []byte) (int, error) {
	n, err := t.File.Read(b)
	if err != nil {
		t.gone()
	}
	return n, err
}
