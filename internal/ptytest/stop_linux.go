package ptytest

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stop stops the terminal, as one that nobody reads: what the program writes from then on
// waits.
func (t *Terminal) Stop() {
	t.tb.Helper()
	number, err := unix.IoctlGetInt(int(t.Master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.tb.Fatal(err)
	}
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.tb.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	if err := unix.IoctlSetInt(int(terminal.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
		t.tb.Fatal(err)
	}
}
