//go:build !unix

package console

import (
	"os"
	"os/exec"
)

// runInForeground runs a program, which cannot be stopped for a time.
func runInForeground(cmd *exec.Cmd, _ *os.File, _ func() bool) error { return cmd.Run() }
