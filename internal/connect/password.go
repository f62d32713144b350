package connect

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
	"etcd-lock/internal/hint"
	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/printable"
)

// ErrNoPassword is the reason of an *OptionError for a user without a password:
// clientv3 would not log such a user in.
var ErrNoPassword = hint.Add(errors.New("user without a password"),
	"use --password-file FILE, --password PASSWORD, --user NAME:PASSWORD or ETCDCTL_PASSWORD, or run in a terminal to be asked for it")

// withPassword returns how to connect, with a password that was not given read
// from its file or asked for at the terminal.
func (o Options) withPassword(ctx context.Context) (cfg etcd.Config, err error) {
	cfg = o.Etcd
	switch {
	case o.PasswordFile != "":
		cfg.Password, err = interrupt.Await(ctx, func() (string, error) { return readPassword(o.PasswordFile, o.Warn) })
	case cfg.User == "" || cfg.Password != "":
	case strings.Contains(strings.TrimSuffix(cfg.User, ":"), ":"):
	case o.AskPassword == nil, strings.HasSuffix(cfg.User, ":"):
		err = &OptionError{ErrNoPassword}
	default:
		cfg.Password, err = o.AskPassword(ctx, o.Prompt())
	}
	return cfg, err
}

// Prompt asks for the password of the user.
func (o Options) Prompt() string {
	return fmt.Sprintf("Password of %s at %s: ", o.Etcd.User, strings.Join(o.Etcd.Endpoints, ","))
}

// maxPassword is longer than any password, and short enough to notice a file that
// was named by mistake.
const maxPassword = 4096

// readPassword returns the first line of a file, and warns when other users can
// read the file.
func readPassword(file string, warn func(string)) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", &OptionError{fmt.Errorf("password file: %w", err)}
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(io.LimitReader(f, maxPassword+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &OptionError{fmt.Errorf("password file: %w", err)}
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case len(line) > maxPassword:
		return "", &OptionError{fmt.Errorf("password file %s: the first line is longer than %d bytes", file, maxPassword)}
	case line == "":
		return "", &OptionError{fmt.Errorf("password file %s: the first line is empty", file)}
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		warn(fmt.Sprintf("other users can read the password file %s; chmod o-r protects it", file))
	}
	return line, nil
}

// AskAtTerminal prompts for a password at the controlling terminal, which does
// not show what is typed. It does not use standard input and output, so that
// neither the prompt nor the password gets into what a command reads or prints.
func AskAtTerminal(ctx context.Context, prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", &OptionError{ErrNoPassword}
	}
	defer func() { _ = tty.Close() }()
	before, err := term.GetState(tty.Fd())
	if err != nil {
		return "", &OptionError{ErrNoPassword}
	}
	if _, err := io.WriteString(tty, printable.Text(prompt)); err != nil {
		return "", err
	}
	type answer struct {
		password []byte
		err      error
	}
	answered := make(chan answer, 1)
	go func() { // a signal does not end the read: it ends with the process
		password, err := term.ReadPassword(tty.Fd())
		answered <- answer{password, err}
	}()
	select {
	case a := <-answered:
		_, _ = io.WriteString(tty, "\n")
		if a.err == nil && len(a.password) == 0 {
			return "", &OptionError{errors.New("no password entered")}
		}
		return string(a.password), a.err
	case <-ctx.Done():
		_, _ = io.WriteString(tty, "\n")
		return "", errors.Join(term.SetState(tty.Fd(), before), ctx.Err())
	}
}
