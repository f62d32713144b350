// Package export is what the command export does: it serves metrics of locks to
// Prometheus.
package export

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/patrol"
)

const (
	retryMin = time.Second
	retryMax = 10 * time.Second
	shutdown = 5 * time.Second // for requests that are being answered
)

// Options are the options of Run.
type Options struct {
	Listen     string // host:port; port 0 is any that is free
	Prefixes   []string
	Classes    []string      // patterns of classes of locks, see lockclass.Parse
	MaxClasses int           // that have series of their own
	StaleAfter time.Duration // without contact to etcd, until the locks are not known
	Connect    func(context.Context) (*connect.Conn, error)
	Reach      func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error) // the prefixes to read, of those
	Note       func(text string)
	Failed     func(error) // is told why etcd cannot be followed, which is tried again
	Now        func() time.Time
}

var errNotConnected = errors.New("not connected to etcd yet")

// Run serves metrics until ctx ends, which is no error. It waits for an etcd that does not
// answer, from the start on, and serves that meanwhile.
func Run(ctx context.Context, o *Options) error {
	s, err := o.state()
	if err != nil {
		return &connect.OptionError{Err: err}
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return hint.Add(fmt.Errorf("--listen %s: %w", o.Listen, err), "it is an address of this machine and a port that no other program uses, such as 127.0.0.1:9378")
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: shutdown}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	o.Note(fmt.Sprintf("serving metrics on http://%s/metrics", l.Addr()))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	followed := make(chan error, 1)
	go func() { followed <- o.follow(ctx, s) }()
	select {
	case err = <-served: // it cannot go on
		stop()
		<-followed
		return fmt.Errorf("--listen %s: %w", o.Listen, err)
	case err = <-followed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // whoever has not read its answer by now does not get it
	}
	<-served
	return err
}

// state returns the state before the first contact.
func (o *Options) state() (*state, error) {
	c, err := newClasses(o.Classes, o.MaxClasses)
	if err != nil {
		return nil, err
	}
	return newState(c, o.StaleAfter, o.Now, errNotConnected), nil
}

// registry returns the metrics of this program and of its process.
func (s *state) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(s, collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// follow follows the locks until ctx ends. It connects again and again, unless the options
// cannot be used.
func (o *Options) follow(ctx context.Context, s *state) error {
	retry := backoff.Exponential{First: retryMin, Max: retryMax}
	said := ""
	for {
		err := o.patrol(ctx, s)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case errors.As(err, new(*connect.OptionError)):
			return err
		case err == nil:
			err = errNotConnected
		}
		s.fail(err)
		if text := format.Plainly(err); text != said {
			said = text
			o.Failed(err)
		}
		retry.Pause(ctx)
	}
}

// patrol follows the locks over one connection.
func (o *Options) patrol(ctx context.Context, s *state) error {
	c, err := o.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := o.Reach(ctx, c, o.Prefixes)
	if err != nil {
		return err
	}
	return patrol.Run(ctx, c, patrol.Options{
		Prefixes: prefixes, Leases: connect.MostLeases, Cluster: true, Brief: true, Watch: c.Source.Watch,
	}, s)
}
