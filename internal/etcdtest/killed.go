package etcdtest

import (
	"bufio"
	"os/exec"
	"testing"
)

// KillOnceItSays runs a program until it has printed a line, kills it, and returns the line.
// Until then its standard input is open, so that it learns of the end of a test that dies.
func KillOnceItSays(tb testing.TB, cmd *exec.Cmd) (line string) {
	tb.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	line, err = bufio.NewReader(stdout).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		tb.Fatal("the program ended before it printed a line: ", err)
	}
	return line
}
