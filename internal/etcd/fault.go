package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"etcd-lock/internal/hint"
)

// fault is the reason why an endpoint cannot be used.
type fault struct {
	endpoint string
	err      error // with a hint where something helps
	final    bool  // retrying does not help
}

// patience is how long etcd may take to answer before findFaults examines the
// endpoints.
const patience = 200 * time.Millisecond

// findFaults examines endpoints that do not answer, because clientv3 retries in
// silence until its timeout. It returns a fault for each endpoint, or none if one
// of them may still answer.
func findFaults(ctx context.Context, endpoints []string, tlsConfig *tls.Config) []fault {
	select {
	case <-time.After(patience):
	case <-ctx.Done():
		return nil
	}
	found := make([]*fault, len(endpoints))
	done := make(chan struct{})
	for i, e := range endpoints {
		go func() {
			found[i] = examine(ctx, e, tlsConfig)
			done <- struct{}{}
		}()
	}
	for range endpoints {
		<-done
	}
	var faults []fault
	for _, f := range found {
		if f == nil {
			return nil
		}
		faults = append(faults, *f)
	}
	return faults
}

// allFinal reports whether retrying helps with none of the endpoints.
func allFinal(faults []fault) bool {
	for _, f := range faults {
		if !f.final {
			return false
		}
	}
	return len(faults) > 0
}

// examine connects to an endpoint as gRPC does and returns why that fails. It
// returns nil when it does not fail, or when ctx ended first.
func examine(ctx context.Context, endpoint string, tlsConfig *tls.Config) *fault {
	t, ok := targetOf(endpoint)
	if !ok {
		return nil
	}
	err := greet(ctx, t, tlsConfig)
	reason, final := handshakeFault(err)
	if reason == nil && err != nil { // one side may use TLS and the other not
		reason, final = schemeFault(ctx, t, tlsConfig)
	}
	if reason == nil && errors.Is(err, errOther) {
		reason, final = errOther, true
	}
	if reason == nil {
		reason = withoutAddress(err)
	}
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return &fault{endpoint: endpoint, err: reason, final: final}
}

// clientPort is what helps when another server than etcd answers.
const clientPort = "name etcd's port for clients in --endpoints, 2379 unless etcd was told otherwise: its ports for peers (2380) and metrics serve no clients"

// errOther is why an endpoint at which another server answers cannot be used.
var errOther = hint.Add(errors.New("what answers there is not etcd's server for clients"), clientPort)

// greet starts an HTTP/2 connection, over TLS if there is a configuration for it,
// and returns nil when the server answers. It returns errOther for an answer in another
// protocol.
func greet(ctx context.Context, t target, tlsConfig *tls.Config) error {
	var d net.Dialer
	plain, err := d.DialContext(ctx, t.network, t.addr)
	if err != nil {
		return err
	}
	defer func() { _ = plain.Close() }()
	defer context.AfterFunc(ctx, func() { _ = plain.Close() })()
	conn := plain
	if tlsConfig != nil {
		cfg := tlsConfig.Clone()
		cfg.NextProtos = []string{"h2"}
		if cfg.ServerName == "" {
			cfg.ServerName = t.serverName()
		}
		conn = tls.Client(plain, cfg) // shakes hands with the first write
	}
	const preface, emptySettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(conn, preface+emptySettings); err != nil {
		return err
	}
	// A server that rejects the client certificate says so now. One of HTTP/2 begins with its
	// settings.
	const kind = 3 // where the frame says what it is
	answer := make([]byte, len(emptySettings))
	if _, err = io.ReadFull(conn, answer); err == nil && answer[kind] != emptySettings[kind] {
		return errOther
	}
	return err
}

// schemeFault finds out whether the server uses TLS where the client does not, or
// the reverse.
func schemeFault(ctx context.Context, t target, tlsConfig *tls.Config) (reason error, final bool) {
	if tlsConfig != nil {
		err := greet(ctx, t, nil)
		switch {
		case err == nil:
			return hint.Add(errors.New("the server does not use TLS"),
				"use http:// in --endpoints, without --cacert, --cert and --key"), true
		case errors.Is(err, errOther):
			return errOther, true
		}
		return nil, false
	}
	err := greet(ctx, t, &tls.Config{InsecureSkipVerify: true})
	found, answered := handshakeFault(err)
	switch {
	case errors.Is(err, errOther), errors.Is(found, errOther):
		return errOther, true
	case answered || err == nil:
		return hint.Add(errors.New("the server requires TLS"),
			"use https:// in --endpoints, and --cacert FILE to verify the server's certificate"), true
	}
	return nil, false
}

// handshakeFault explains the error of a TLS handshake. It returns nil for other
// errors.
func handshakeFault(err error) (reason error, final bool) {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &unknown):
		return hint.Add(errors.New("the server's certificate is signed by an unknown authority"),
			"use --cacert FILE with the CA bundle that verifies it"), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return hint.Add(fmt.Errorf("the server's certificate has expired or is not valid yet (%s)", invalid.Detail),
			"renew the certificate, or check the clock of this machine"), true
	case errors.As(err, &name):
		return hint.Add(fmt.Errorf("the server's certificate is for another host (%w)", name),
			"use a host of the certificate in --endpoints"), true
	case errors.As(err, &op) && op.Op == "remote error":
		return rejected(op.Err.Error()), true
	default:
		return nil, false
	}
}

// rejected explains a TLS alert of the server. Alerts have no types, so it goes by
// their text.
func rejected(alert string) error {
	switch {
	case strings.Contains(alert, "no application protocol"): // it knows no HTTP/2
		return errOther
	case strings.Contains(alert, "certificate required"):
		return hint.Add(errors.New("the server requires a client certificate"), "use --cert FILE and --key FILE")
	case strings.Contains(alert, "certificate"):
		return hint.Add(fmt.Errorf("the server rejected the client certificate (%s)", alert),
			"use --cert FILE and --key FILE with a certificate that the server accepts")
	default:
		return hint.Add(fmt.Errorf("the server rejected the TLS handshake (%s)", alert),
			"is --endpoints right, and does the server take TLS 1.2 or 1.3?")
	}
}

// withoutAddress strips the address from a network error: the endpoint is named
// beside it.
func withoutAddress(err error) error {
	var sys syscall.Errno
	if errors.As(err, &sys) {
		return sys
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the server closed the connection")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// isSocket reports whether an endpoint is a Unix socket, and no host whose name begins like one.
func isSocket(endpoint string) bool {
	return strings.HasPrefix(endpoint, "unix:") || strings.HasPrefix(endpoint, "unixs:")
}

// address returns the host and port of an endpoint. It reports false for
// endpoints that are not in a network, such as Unix sockets.
func address(endpoint string) (addr string, ok bool) {
	switch {
	case isSocket(endpoint):
		return "", false
	case !strings.Contains(endpoint, "://"):
		return endpoint, true
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", false
	}
	return u.Host, u.Scheme == "http" || u.Scheme == "https"
}

// target is what to dial for an endpoint.
type target struct{ network, addr string }

// targetOf returns what etcd's client dials for an endpoint. It reports false if that is
// not known.
func targetOf(endpoint string) (t target, ok bool) {
	if isSocket(endpoint) {
		_, socket, _ := strings.Cut(endpoint, ":")
		return target{"unix", strings.TrimPrefix(socket, "//")}, true
	}
	addr, ok := address(endpoint)
	return target{"tcp", addr}, ok
}

// serverName returns what the certificate of the server has to be for.
func (t target) serverName() string {
	if t.network == "unix" {
		return path.Base(t.addr)
	}
	host, _, _ := net.SplitHostPort(t.addr)
	return host
}
