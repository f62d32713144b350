package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/hooks"
)

// program is a hook that runs a program, without a shell.
type program struct{ hooks.Program }

func (p program) String() string { return "--exec " + p.Program[0] }

func (p program) deliver(ctx context.Context, n docs.Notice, body []byte) error {
	return p.Run(ctx, nil, environment(n), body)
}

// environment returns the variables that a program gets.
func environment(n docs.Notice) []string {
	all := []string{
		hooks.Variable("ETCD_LOCK_EVENT", n.Event),
		hooks.Variable("ETCD_LOCK_KIND", n.Finding.Kind),
		hooks.Variable("ETCD_LOCK_SEVERITY", n.Finding.Severity),
		hooks.Variable("ETCD_LOCK_TEXT", n.Finding.Text),
		hooks.Variable("ETCD_LOCK_LOCKS", n.Finding.Locks...),
	}
	if n.Context != "" { // which commands of etcd-lock that it runs are about, then
		all = append(all, hooks.Variable("ETCD_LOCK_CONTEXT", n.Context))
	}
	return all
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
