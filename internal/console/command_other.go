//go:build !unix

package console

import (
	"os"
	"os/exec"
)

// runInForeground runs a program.
func runInForeground(cmd *exec.Cmd, _ *os.File) error { return cmd.Run() }
