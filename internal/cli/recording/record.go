// Package recording is what the command record does, and how other commands read a
// recording in place of etcd.
package recording

import (
	"context"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
)

const (
	identify     = time.Second / 2 // the timeout of asking which cluster it is: meanwhile nothing is recorded
	tick         = time.Second
	inspectEvery = 5 * time.Second // leases and findings
)

// RecordOptions are the options of Record.
type RecordOptions struct {
	Dir      string
	Prefixes []string
	Keep     Age
	MaxSize  Size
	Connect  func(context.Context) (*connect.Conn, error)
	Reach    func(context.Context, *connect.Conn, []string) (keyspace.Prefixes, error) // the prefixes to read, of those
	Note     func(text string)
	Warn     func(text string)
}

// Record records the locks below prefixes in a folder until ctx ends, which is no error.
func Record(ctx context.Context, opts *RecordOptions) error {
	c, err := opts.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	prefixes, err := opts.Reach(ctx, c, opts.Prefixes)
	if err != nil {
		return err
	}
	r, err := flight.NewRecorder(opts.Dir, flight.Options{
		Limits:  flight.Limits{Keep: time.Duration(opts.Keep), MaxSize: int64(opts.MaxSize)},
		Cluster: func() string { return clusterID(ctx, c, prefixes) },
		Report:  opts.report,
	})
	if err != nil {
		return err
	}
	opts.Note("recording in " + opts.Dir)
	err = run(ctx, c, r, prefixes)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return err
}

// report says that the recording cannot be written, or can be again.
func (opts *RecordOptions) report(err error) {
	if err != nil {
		opts.Warn("nothing is recorded until this is mended: " + err.Error())
		return
	}
	opts.Note("recording again")
}

// run passes what the watch sends to the recorder until ctx ends.
func run(ctx context.Context, c *connect.Conn, r *flight.Recorder, prefixes []string) error {
	watching, stop := context.WithCancel(ctx)
	updates := c.Source.WatchCauses(watching, prefixes...)
	inspected := make(chan findings, 1)
	var last inspect.Snapshot
	var busy bool
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
		if busy {
			<-inspected
		}
	}()
	second, round := time.NewTicker(tick), time.NewTicker(inspectEvery)
	defer second.Stop()
	defer round.Stop()
	for {
		select {
		case u, ok := <-updates:
			switch {
			case !ok:
				return nil
			case last.Revision == 0 && u.Err != nil && access.IsPermissionDenied(u.Err):
				return u.Err // retrying does not help
			}
			last = u.Snapshot
			r.Update(u)
		case <-second.C:
			r.Tick()
		case <-round.C:
			if !busy && last.Revision > 0 {
				busy = true
				go func(s inspect.Snapshot) { inspected <- inspectLocks(watching, c, s) }(last)
			}
		case f := <-inspected:
			busy = false
			r.Leases(f.leases)
			r.Findings(f.findings)
		}
	}
}

// findings is what is known of locks beyond their queues.
type findings struct {
	leases   map[int64]inspect.Lease
	findings []flight.Finding
}

// inspectLocks looks up the leases that matter most, and says what is wrong with locks.
func inspectLocks(ctx context.Context, c *connect.Conn, s inspect.Snapshot) findings {
	leases, _ := c.Leases(ctx, s.LeasesByUrgency(), s) // what could not be looked up is not known
	f := findings{leases: leases}
	tense := narrate.TenseOf(false)
	for _, found := range diagnose.Locks(s, leases, diagnose.DefaultThresholds, time.Now()).Findings {
		record := flight.Finding{Kind: string(found.Kind), Severity: found.Severity.String(), Text: flight.Text(tense.Finding(found).Headline)}
		for _, l := range found.Locks {
			record.Locks = append(record.Locks, flight.Text(l.Name))
		}
		for _, session := range found.Sessions {
			record.Sessions = append(record.Sessions, flight.Text(session.ID.String()))
		}
		f.findings = append(f.findings, record)
	}
	return f
}

// clusterID returns the ID of the cluster that answers, in hex, or nothing.
func clusterID(ctx context.Context, c *connect.Conn, prefixes keyspace.Prefixes) (id string) {
	ctx, cancel := context.WithTimeout(ctx, identify)
	defer cancel()
	_ = c.Do(ctx, func(ctx context.Context) error {
		resp, err := c.Client.Get(ctx, prefixes.Ranges()[0].Start, clientv3.WithCountOnly(), clientv3.WithSerializable())
		if err == nil && resp.Header.ClusterId != 0 {
			id = strconv.FormatUint(resp.Header.ClusterId, 16)
		}
		return err
	})
	return id
}
