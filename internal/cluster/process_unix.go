//go:build unix

package cluster

import (
	"os"
	"syscall"
)

func suspend(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitStopped(p)
}

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
