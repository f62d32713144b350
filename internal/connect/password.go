package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/printable"
)

// errNoPassword is for a user without one, who clientv3 would not log in.
var errNoPassword = errors.New("--user needs a password: --password-file FILE, a terminal to ask at, --password, --user name:password, or " + envName("password"))

// withPassword is how to reach etcd, with the password filled in where it is not
// given: from its file, or from whoever is at the terminal.
func (g *globals) withPassword(ctx context.Context) (cfg etcd.Config, err error) {
	cfg = g.etcd
	switch {
	case g.passwordFile != "":
		cfg.Password, err = readPassword(g.passwordFile, g.warn)
	case cfg.User == "" || cfg.Password != "":
	case strings.Contains(strings.TrimSuffix(cfg.User, ":"), ":"):
	case g.askPassword == nil, strings.HasSuffix(cfg.User, ":"):
		err = usageError{errNoPassword}
	default:
		cfg.Password, err = g.askPassword(ctx, fmt.Sprintf("Password of %s at %s: ", cfg.User, strings.Join(cfg.Endpoints, ",")))
	}
	return cfg, err
}

// maxPassword is longer than any, and shorter than what is named by mistake.
const maxPassword = 4096

// readPassword is the first line of a file.
func readPassword(file string, warn func(string)) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(io.LimitReader(f, maxPassword+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", usagef("--password-file: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case len(line) > maxPassword:
		return "", usagef("--password-file %s: its first line is longer than any password", file)
	case line == "":
		return "", usagef("--password-file %s: its first line, which is the password, is empty", file)
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		warn(fmt.Sprintf("others can read the password in %s; chmod o-r it", file))
	}
	return line, nil
}

// askAtTerminal asks for a password without showing it. The terminal is asked
// for itself, so that nothing of it comes into what a command reads or prints.
func askAtTerminal(ctx context.Context, prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", usageError{errNoPassword}
	}
	defer func() { _ = tty.Close() }()
	before, err := term.GetState(tty.Fd())
	if err != nil {
		return "", usageError{errNoPassword}
	}
	if _, err := io.WriteString(tty, printable.Text(prompt)); err != nil {
		return "", err
	}
	type answer struct {
		password []byte
		err      error
	}
	answered := make(chan answer, 1)
	go func() { // which a signal does not end, but the program does then
		password, err := term.ReadPassword(tty.Fd())
		answered <- answer{password, err}
	}()
	select {
	case a := <-answered:
		_, _ = io.WriteString(tty, "\n")
		if a.err == nil && len(a.password) == 0 {
			return "", usagef("no password given")
		}
		return string(a.password), a.err
	case <-ctx.Done():
		_, _ = io.WriteString(tty, "\n")
		return "", errors.Join(term.SetState(tty.Fd(), before), ctx.Err())
	}
}
