package cluster

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// attributes keeps what a terminal sends to the program, which closes the
// cluster then, from members.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func suspend(*os.Process) error {
	return fmt.Errorf("stopping a process: %w on Windows", errors.ErrUnsupported)
}

func resume(*os.Process) error {
	return fmt.Errorf("continuing a process: %w on Windows", errors.ErrUnsupported)
}
