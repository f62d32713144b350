package cluster

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// attributes puts members in their own process group, so that ctrl-C in a
// terminal reaches only the program, which then closes the cluster.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func suspend(*os.Process) error {
	return fmt.Errorf("stopping a process: %w on Windows", errors.ErrUnsupported)
}

func resume(*os.Process) error {
	return fmt.Errorf("continuing a process: %w on Windows", errors.ErrUnsupported)
}

// endsWithParent is attributes: on this system, a program that does not notice that this one
// has died lives on.
func endsWithParent() *syscall.SysProcAttr { return attributes() }
