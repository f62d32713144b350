// Package patrol follows locks for programs that run unattended: it watches them, and
// looks every few seconds what is wrong with them.
package patrol

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

const (
	tick         = 750 * time.Millisecond // a recorder gets updates 200 ms later, and loses no more than a second
	roundEvery   = 5 * time.Second
	roundRest    = 100         // times as long as a round took, so that it costs a small part of a core
	roundAtLeast = time.Minute // however long it took
	longRound    = 100 * time.Millisecond
	clusterEvery = time.Minute
)

// Follower takes in what a patrol sees. Its methods are called one at a time.
type Follower interface {
	// Update takes in what the watch has sent.
	Update(inspect.Update)
	// Round takes in what a round has found.
	Round(Round)
	// Tick is called each 750 ms.
	Tick()
}

// Round is one look at what is wrong with the locks.
type Round struct {
	Began    time.Time
	Revision int64            // of etcd when it began; 0 when that could not be read
	Snapshot inspect.Snapshot // that was diagnosed
	Leases   map[int64]inspect.Lease
	Findings []diagnose.Finding // worst first
	Unknown  []string           // what could not be read, a sentence each
	Took     time.Duration      // without waiting for etcd's answers
}

// Options are the options of Run.
type Options struct {
	Prefixes   keyspace.Prefixes
	Thresholds diagnose.Thresholds
	Leases     int                                                    // that are looked up in a round, the most urgent ones
	Cluster    bool                                                   // also look what is wrong with etcd itself
	Sparing    bool                                                   // spare memory, see BeModest
	Brief      bool                                                   // do without what would help, see diagnose.Findings
	Watch      func(context.Context, ...string) <-chan inspect.Update // of the connection's source
}

// Run follows locks until ctx ends, which is no error. While etcd does not answer there
// are no rounds: what is wrong is not known then. It fails if the user may not read the
// locks. Meanwhile the process is modest.
func Run(ctx context.Context, c *connect.Conn, o Options, to Follower) error {
	defer BeModest(o.Sparing)()
	ctx, stop := context.WithCancel(ctx)
	p := &patrol{conn: c, opts: o, to: to, done: make(chan Round, 1)}
	updates := o.Watch(ctx, o.Prefixes...)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
		if p.busy {
			<-p.done
		}
	}()
	second, round := time.NewTicker(tick), time.NewTimer(0) // the first one once the locks are known
	defer second.Stop()
	defer round.Stop()
	for {
		select {
		case u, ok := <-updates:
			switch {
			case !ok:
				return nil
			case !p.known && u.Err != nil && access.IsPermissionDenied(u.Err):
				return u.Err // retrying does not help
			}
			first := !p.known
			p.take(u)
			to.Update(u)
			if first && p.known && o.Sparing {
				debug.FreeOSMemory() // what it took to read the locks is not needed again
			}
		case <-second.C:
			to.Tick()
		case <-round.C:
			p.due = true
		case r := <-p.done:
			p.busy = false
			took, began := r.Took, r.Began
			if ctx.Err() == nil && !p.lost {
				to.Round(r)
			}
			if took > longRound {
				debug.FreeOSMemory() // what it took for so many locks, r too, is not needed again for long
			}
			round.Reset(rest(took) - min(roundEvery, time.Since(began)))
		}
		p.begin(ctx)
	}
}

// rest returns the time from the beginning of a round to that of the next one.
func rest(took time.Duration) time.Duration {
	return min(max(roundEvery, roundRest*took), roundAtLeast)
}

// patrol is a run.
type patrol struct {
	conn  *connect.Conn
	opts  Options
	to    Follower
	locks inspect.Snapshot // now, if ready
	ready bool             // the locks are known and etcd answers
	known bool             // the locks were known once
	lost  bool             // etcd does not answer
	due   bool             // a round is, once the locks are ready
	done  chan Round       // buffered
	busy  bool             // a round is going on

	cluster []diagnose.Finding // as of read
	unknown []string           // what could not be read of it
	read    time.Time
}

// take takes in an update.
func (p *patrol) take(u inspect.Update) {
	p.locks = u.Snapshot
	p.known = p.known || u.Snapshot.Revision > 0
	p.lost = u.Err != nil
	p.ready = p.known && !p.lost && !u.Bare
}

// begin begins a round in the background, if one is due and there is something to look at.
func (p *patrol) begin(ctx context.Context) {
	if !p.due || !p.ready {
		return
	}
	p.due, p.busy = false, true
	go func(s inspect.Snapshot) { p.done <- p.round(ctx, s) }(p.locks)
}

// round looks up leases, and says what is wrong.
func (p *patrol) round(ctx context.Context, s inspect.Snapshot) Round {
	r := Round{Began: time.Now(), Snapshot: s, Revision: p.revision(ctx)}
	r.Leases, r.Unknown = p.conn.UrgentLeases(ctx, s, p.opts.Leases)
	if p.opts.Cluster && time.Since(p.read) >= clusterEvery {
		p.cluster, p.unknown = Cluster(ctx, p.conn)
		p.read = time.Now()
	}
	r.Unknown = append(r.Unknown, p.unknown...)
	find := diagnose.Locks
	if p.opts.Brief {
		find = diagnose.Findings
	}
	began := time.Now()
	r.Findings = find(s, r.Leases, p.opts.Thresholds, began).With(p.cluster).Findings
	r.Took = time.Since(began)
	return r
}

// Cluster returns what is wrong with etcd itself, and what remains unknown if that cannot
// be read.
func Cluster(ctx context.Context, c *connect.Conn) (findings []diagnose.Finding, unknown []string) {
	var cluster inspect.Cluster
	err := c.Do(ctx, func(ctx context.Context) (err error) {
		cluster, err = c.Source.Cluster(ctx)
		return err
	})
	findings = diagnose.Cluster(cluster)
	if err != nil {
		return findings, []string{fmt.Sprintf("whether etcd has alarms and refuses writes, and which versions its members have: %s", format.Plainly(err))}
	}
	return findings, nil
}

// revision returns etcd's revision now, 0 if it cannot be read.
func (p *patrol) revision(ctx context.Context) (revision int64) {
	_ = p.conn.Do(ctx, func(ctx context.Context) error {
		resp, err := p.conn.Client.Get(ctx, p.opts.Prefixes.Ranges()[0].Start, clientv3.WithCountOnly())
		if err == nil {
			revision = resp.Header.Revision
		}
		return err
	})
	return revision
}
