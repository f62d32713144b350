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
	"strings"
	"syscall"
	"time"
)

// fault is why an endpoint cannot be used.
type fault struct {
	endpoint string
	err      error
	final    bool // trying again would not help
}

// patience is how long etcd may keep quiet before anybody looks into why.
const patience = 200 * time.Millisecond

// findFaults looks for what stands between us and endpoints that keep quiet,
// for clientv3 tries on in silence until its time is over. It returns a fault
// for each endpoint, or none if one of them may yet answer.
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

// allFinal reports whether nothing is left to try.
func allFinal(faults []fault) bool {
	for _, f := range faults {
		if !f.final {
			return false
		}
	}
	return len(faults) > 0
}

// examine connects to an endpoint as gRPC does, and returns what is wrong with
// it, or nil when nothing is or ctx ended before that was known.
func examine(ctx context.Context, endpoint string, tlsConfig *tls.Config) *fault {
	addr, ok := address(endpoint)
	if !ok {
		return nil
	}
	err := greet(ctx, addr, tlsConfig)
	advice, final := advise(err)
	if advice == nil && err != nil { // it may want TLS where we do without, or the reverse
		advice, final = tryOtherWay(ctx, addr, tlsConfig)
	}
	if advice == nil {
		advice = plain(err)
	}
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return &fault{endpoint: endpoint, err: advice, final: final}
}

// greet begins to speak HTTP/2, over TLS if there is a configuration for it, and
// returns nil when it is answered.
func greet(ctx context.Context, addr string, tlsConfig *tls.Config) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if tlsConfig != nil {
		cfg := tlsConfig.Clone()
		cfg.NextProtos = []string{"h2"}
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
		conn = tls.Client(conn, cfg) // shakes hands with the first write
	}
	const preface, emptySettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(conn, preface+emptySettings); err != nil {
		return err
	}
	// A server that refuses our certificate says so now.
	_, err = io.ReadFull(conn, make([]byte, len(emptySettings)))
	return err
}

// tryOtherWay greets with TLS what does not answer without, and the reverse.
func tryOtherWay(ctx context.Context, addr string, tlsConfig *tls.Config) (advice error, final bool) {
	if tlsConfig != nil {
		if greet(ctx, addr, nil) == nil {
			return errors.New("it does not take TLS; to use it without, write http:// before it in --endpoints, and leave --cacert, --cert and --key out"), true
		}
		return nil, false
	}
	err := greet(ctx, addr, &tls.Config{InsecureSkipVerify: true})
	if _, answered := advise(err); answered || err == nil {
		return errors.New("it wants TLS; write https:// before it in --endpoints, and name its authority with --cacert"), true
	}
	return nil, false
}

// advise says what a failed handshake means and what to do, and nothing of
// other errors.
func advise(err error) (advice error, final bool) {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &unknown):
		return errors.New("its certificate is signed by an unknown authority; --cacert names the file of the right one"), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("its certificate has expired or is not valid yet (%s); renew it, or set the clock", invalid.Detail), true
	case errors.As(err, &name):
		return fmt.Errorf("its certificate is for another host (%w); use a name of it in --endpoints", name), true
	case errors.As(err, &op) && op.Op == "remote error":
		return adviseRefused(op.Err.Error()), true
	default:
		return nil, false
	}
}

// adviseRefused is advise for what servers say, which has no types.
func adviseRefused(alert string) error {
	switch {
	case strings.Contains(alert, "certificate required"):
		return errors.New("it wants a certificate of ours; --cert and --key name its files")
	case strings.Contains(alert, "certificate"):
		return fmt.Errorf("it does not take our certificate (%s); --cert and --key name the files of another", alert)
	default:
		return fmt.Errorf("it refuses our TLS (%s)", alert)
	}
}

// plain takes off an error what names the endpoint again.
func plain(err error) error {
	var sys syscall.Errno
	if errors.As(err, &sys) {
		return sys
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ended the connection")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// address is where an endpoint is in a network, if it is.
func address(endpoint string) (addr string, ok bool) {
	if !strings.Contains(endpoint, "://") {
		return endpoint, !strings.HasPrefix(endpoint, "unix")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", false
	}
	return u.Host, u.Scheme == "http" || u.Scheme == "https"
}
