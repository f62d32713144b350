package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/printable"
)

const (
	maxVariable = 4 << 10 // bytes of a variable of a program's environment
	maxOutput   = 400     // bytes of a program's output that are shown
	killed      = time.Second
)

// program is a hook that runs a program, without a shell.
type program []string

func (p program) String() string { return "--exec " + p[0] }

func (p program) deliver(ctx context.Context, n docs.Notice, body []byte) error {
	cmd := exec.CommandContext(ctx, p[0], p[1:]...)
	cmd.Env = append(os.Environ(), environment(n)...)
	cmd.Stdin = bytes.NewReader(body)
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = killed // for those that it has started and that have its output
	killAll(cmd)
	err := cmd.Run()
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay): // it has ended well
		return nil
	case len(out.text) > 0:
		return fmt.Errorf("%w: %s", err, printable.Text(strings.TrimSpace(string(out.text))))
	default:
		return err
	}
}

// environment returns the variables that a program gets. What is in them is safe to print,
// and of bounded length.
func environment(n docs.Notice) []string {
	locks := make([]string, 0, len(n.Finding.Locks))
	for _, l := range n.Finding.Locks {
		locks = append(locks, printable.Text(l))
	}
	variables := []string{
		"ETCD_LOCK_EVENT=" + n.Event,
		"ETCD_LOCK_KIND=" + n.Finding.Kind,
		"ETCD_LOCK_SEVERITY=" + n.Finding.Severity,
		"ETCD_LOCK_TEXT=" + printable.Text(n.Finding.Text),
		"ETCD_LOCK_LOCKS=" + strings.Join(locks, "\n"),
	}
	for i, v := range variables {
		variables[i] = strings.ToValidUTF8(v[:min(len(v), maxVariable)], "")
	}
	return variables
}

// tail keeps the beginning of what is written to it.
type tail struct{ text []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), maxOutput-len(t.text))]...)
	return len(p), nil
}

// webhook is a hook that gets POST requests.
type webhook struct {
	url  string
	name string // without what may be secret
}

func (w webhook) String() string { return w.name }

// hostOf returns the part of a URL that is no secret.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "URL"
	}
	return u.Scheme + "://" + u.Host
}

func (w webhook) deliver(ctx context.Context, _ docs.Notice, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return permanentError{errors.New("its URL cannot be used")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "etcd-lock")
	// Of one connection each: it is used rarely.
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the rest is the URL
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	switch code := resp.StatusCode; {
	case code < 300:
		return nil
	case code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		return permanentError{fmt.Errorf("it answers %s", resp.Status)}
	default:
		return fmt.Errorf("it answers %s", resp.Status)
	}
}
