// Package etcd connects to etcd the way etcdctl does, and runs an embedded
// member where there is none to connect to.
package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/hint"
	"etcd-lock/internal/kine"
)

// DefaultEndpoint is where etcd listens unless told otherwise.
const DefaultEndpoint = "127.0.0.1:2379"

// A connection over which nothing came for DefaultKeepAliveTime is asked for a sign of
// life, and given up when there is none for DefaultKeepAliveTimeout. gRPC asks no sooner
// than after ten seconds, whatever it is told.
const (
	DefaultKeepAliveTime    = 10 * time.Second
	DefaultKeepAliveTimeout = 3 * time.Second
)

// window is how much etcd may send before this side has taken it, in bytes. Without a limit
// that is chosen, gRPC finds one by a ping for what it receives, which costs as much as a
// small event.
const window = 4 << 20

// Config says how to reach etcd. Its fields are etcdctl's flags.
type Config struct {
	Endpoints   []string
	CACert      string // PEM file of the authority that signed the servers' certificates
	Cert        string // PEM file of the client's certificate
	Key         string // PEM file of the client's private key
	User        string // name, or name:password
	Password    string
	Token       string        // to log in with instead of a user, as an etcd with --auth-token jwt checks
	DialTimeout time.Duration // bound on reaching the first endpoint

	ServerName string // that the servers' certificates must be for; the endpoint's when empty
	RequireTLS bool   // use TLS for endpoints without a scheme too
	SkipVerify bool   // like RequireTLS, and accept any certificate

	KeepAliveTime    time.Duration // DefaultKeepAliveTime when 0
	KeepAliveTimeout time.Duration // DefaultKeepAliveTimeout when 0
}

// Connect returns a client to which etcd has answered. Of several endpoints, the
// client leaves out those of members that reach no leader or are
// learners, for as long as they do. Otherwise it returns an
// error that says why, within DialTimeout, and sooner when waiting does not help.
func (c Config) Connect(ctx context.Context, opts ...grpc.DialOption) (*clientv3.Client, error) {
	cfg, err := c.clientConfig()
	if err != nil {
		return nil, err
	}
	guard := newEndpointGuard(c.Endpoints)
	cfg.DialOptions = slices.Concat(guard.options(), opts, []grpc.DialOption{
		spareLogins(), ForgetLogins(), new(kine.Adapter).DialOption(), grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
	})
	if c.ServerName != "" { // etcd's client gives gRPC the endpoint's name, which goes before that of the TLS configuration
		cfg.DialOptions = append(cfg.DialOptions, grpc.WithAuthority(c.ServerName))
	}
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	faults := make(chan []fault, 1)
	tlsConfig := cfg.TLS.Clone() // clientv3 writes to its own
	go func() {
		found := findFaults(ctx, c.Endpoints, tlsConfig)
		if allFinal(found) {
			cancel()
		}
		faults <- found
	}()
	client, err := reachMember(ctx, cfg)
	if err == nil {
		if err = guard.start(ctx, client); err == nil {
			return client, nil
		}
		_ = client.Close()
		return nil, err
	}
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	cancel()
	return nil, c.explain(err, late, <-faults)
}

func (c Config) clientConfig() (clientv3.Config, error) {
	if len(c.Endpoints) == 0 {
		return clientv3.Config{}, errors.New("no etcd endpoint given")
	}
	tlsConfig, err := c.tlsConfig()
	if err != nil {
		return clientv3.Config{}, err
	}
	user, password := c.login()
	return clientv3.Config{
		Endpoints:            c.Endpoints,
		DialTimeout:          c.DialTimeout,
		DialKeepAliveTime:    cmp.Or(c.KeepAliveTime, DefaultKeepAliveTime),
		DialKeepAliveTimeout: cmp.Or(c.KeepAliveTimeout, DefaultKeepAliveTimeout),
		TLS:                  tlsConfig,
		Username:             user,
		Password:             password,
		Token:                c.Token,
		Logger:               zap.NewNop(), // a log line would garble the terminal UI
	}, nil
}

// CheckTLS returns an error for endpoints that would make clientv3 connect without
// TLS although the other options ask for TLS: clientv3 goes by the first endpoint.
func (c Config) CheckTLS() error {
	files := c.CACert != "" || c.Cert != "" || c.Key != ""
	for _, e := range c.Endpoints {
		switch {
		case !strings.HasPrefix(e, "http://"):
		case files:
			return hint.Add(fmt.Errorf("%s does not use TLS, but TLS files are given", e), "use https://, or leave out --cacert, --cert and --key")
		case c.RequireTLS:
			return hint.Add(fmt.Errorf("%s does not use TLS, but --insecure-transport=false asks for it", e), "use https://")
		case c.wantsTLS():
			return hint.Add(fmt.Errorf("%s does not use TLS, but another endpoint does", e), "use https:// or http:// for all endpoints")
		}
	}
	return nil
}

// UsesTLS reports whether connections are encrypted.
func (c Config) UsesTLS() bool {
	return c.CACert != "" || c.Cert != "" || c.wantsTLS() || c.RequireTLS || c.SkipVerify
}

func (c Config) wantsTLS() bool {
	return slices.ContainsFunc(c.Endpoints, func(e string) bool {
		return strings.HasPrefix(e, "https://") || strings.HasPrefix(e, "unixs://")
	})
}

func (c Config) tlsConfig() (*tls.Config, error) {
	if !c.UsesTLS() {
		return nil, nil //nolint:nilnil // no TLS is what clientv3 means by nil
	}
	info := transport.TLSInfo{CertFile: c.Cert, KeyFile: c.Key, TrustedCAFile: c.CACert}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if !info.Empty() || c.CACert != "" {
		var err error
		if cfg, err = info.ClientConfig(); err != nil {
			return nil, hint.Add(fmt.Errorf("TLS: %w", err), c.tlsFiles())
		}
	}
	cfg.ServerName = c.ServerName
	cfg.InsecureSkipVerify = c.SkipVerify
	return cfg, nil
}

// tlsFiles says which files are read, and what they have to be.
func (c Config) tlsFiles() string {
	var files []string
	for _, f := range []struct{ flag, name string }{{"--cacert", c.CACert}, {"--cert", c.Cert}, {"--key", c.Key}} {
		if f.name != "" {
			files = append(files, f.flag+" "+f.name)
		}
	}
	text := "PEM files that can be read are needed for " + strings.Join(files, ", ")
	if c.Cert != "" {
		text += ", and the key has to be that of the certificate"
	}
	return text
}

// UserName returns the etcd user of the client: the one that logs in or that the token
// is for, or else the common name of the client certificate, which etcd may use.
func (c Config) UserName() string {
	switch {
	case c.User != "":
		name, _ := c.login()
		return name
	case c.Token != "":
		return tokenUser(c.Token)
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return ""
	}
	return pair.Leaf.Subject.CommonName
}

// tokenUser returns the user that a token is for, or "" if it does not say.
func tokenUser(token string) string {
	var claims struct {
		Username string `json:"username"`
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if b, err := base64.RawURLEncoding.DecodeString(payload); err == nil {
		_ = json.Unmarshal(b, &claims) // what is no JSON names no user
	}
	return claims.Username
}

// login returns the user's name and password.
func (c Config) login() (user, password string) {
	if c.Password != "" {
		return c.User, c.Password
	}
	user, password, _ = strings.Cut(c.User, ":")
	return user, password
}

// ErrRefused is what an error of Connect is when etcd has answered and refuses the client, or
// the client refuses etcd's certificate: trying again does not help.
var ErrRefused = errors.New("etcd: refused")

type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

func (e refusedError) Is(target error) bool { return target == ErrRefused }

func refused(err error) error { return refusedError{err} }

// explain adds the endpoints to an error, which clientv3 leaves out, and a hint.
func (c Config) explain(err error, late bool, faults []fault) error {
	where := strings.Join(c.Endpoints, ",")
	isItRunning := "is etcd running, and is --endpoints right?"
	if where == DefaultEndpoint {
		isItRunning = "name your etcd with --endpoints HOST:PORT, ETCDCTL_ENDPOINTS or a context (see etcd-lock contexts), or try etcd-lock demo, which needs none"
	}
	switch {
	case allFinal(faults):
		return refused(hint.Add(fmt.Errorf("etcd at %s: %s", where, faultTexts(faults)), faultHints(faults)))
	case late && len(faults) > 0:
		return hint.Add(fmt.Errorf("etcd at %s did not answer within %s (%s)", where, c.DialTimeout, faultTexts(faults)), isItRunning)
	case late:
		return hint.Add(fmt.Errorf("etcd at %s did not answer within %s", where, c.DialTimeout), isItRunning)
	case errors.Is(err, rpctypes.ErrAuthFailed):
		return refused(hint.Add(fmt.Errorf("etcd at %s does not accept user %q with this password", where, c.UserName()),
			"etcd does not say which of the two is wrong; --user NAME without a password in --password-file, --password or ETCDCTL_PASSWORD asks for it"))
	case c.Token != "" && errors.Is(err, rpctypes.ErrInvalidAuthToken):
		return refused(hint.Add(fmt.Errorf("etcd at %s does not accept the token", where), "it may have expired; etcd takes such tokens with --auth-token jwt only"))
	case isLearner(err):
		return hint.Add(fmt.Errorf("etcd at %s is a learner: it is not one of the members that vote, and refuses this", where), "name members that vote with --endpoints")
	case isOther(err):
		return hint.Add(fmt.Errorf("no etcd, but another server, answers at %s (%s)", where, status.Convert(err).Message()), clientPort)
	case errors.Is(err, rpctypes.ErrUserEmpty):
		return refused(hint.Add(fmt.Errorf("etcd at %s requires authentication", where), "log in with --user, or with --cert and --key if etcd accepts certificates for that"))
	default:
		return fmt.Errorf("etcd at %s: %w", where, err)
	}
}

// faultTexts joins the texts of faults, each with its endpoint if there are
// several.
func faultTexts(faults []fault) string {
	if len(faults) == 1 {
		return faults[0].err.Error()
	}
	var all []string
	for _, f := range faults {
		all = append(all, fmt.Sprintf("%s: %v", f.endpoint, f.err))
	}
	return strings.Join(all, "; ")
}

// faultHints joins the different hints of faults.
func faultHints(faults []fault) string {
	var all []string
	for _, f := range faults {
		if h := hint.Of(f.err); h != "" && !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return strings.Join(all, "; ")
}

// Quiet stops gRPC from writing to the terminal. It is for programs, once, and
// not safe to call while clients run.
func Quiet() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) }
