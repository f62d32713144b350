//go:build unix

package console

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// stopTime is how long a process takes at most to stop after a signal.
const stopTime = time.Second

// suspend stops the process with all of its group, as ctrl+z does outside of full-screen
// programs, until a shell continues it. Where there is no such shell, as in a container or
// a window of its own, the kernel ignores the signal: a process would never go on.
func suspend() error {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-continued:
		return nil
	case <-time.After(stopTime):
	}
	select {
	case <-continued: // both came when it was continued
		return nil
	default:
		return errors.New("no shell here would continue it")
	}
}
