package inspect

import (
	"context"
	"iter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// Inspector reads the locks of one etcd.
type Inspector struct{ source *inspect.Source }

// New returns an inspector that reads through client, which stays the caller's to close.
// It should have keep-alives, as clientv3.Config's DialKeepAliveTime: without, a watch
// waits for ever on a member that hangs.
func New(client *clientv3.Client) *Inspector { return &Inspector{inspect.NewSource(client)} }

// List reads the locks whose keys begin with one of the prefixes, or all without
// prefixes, at one revision. It takes one request for a thousand keys, or more.
func (i *Inspector) List(ctx context.Context, prefixes ...string) (Snapshot, error) {
	s, err := i.source.Snapshot(ctx, prefixes...)
	return Snapshot{s}, err
}

// Update is what Watch passes on.
type Update struct {
	Snapshot Snapshot
	Events   []Event // what led from the snapshot before to this one, oldest first
	Missed   int     // number of earlier events, dropped because the receiver was slow
	Resynced string  // why the locks were read anew, so that events are missing: compacted, other_cluster, went_back, replaced or silent; else empty
	Err      error   // etcd does not answer; Snapshot is the last one known
}

// Event is something that happened to a request.
type Event struct {
	Kind     string // waiting, granted, released, expired, revoked, ended, left, detached, blocks or cleared: see "etcd-lock watch --help"
	Lock     string
	Layout   string
	Request  Request
	Revision int64 // of the change; 0: not known
}

// Watch passes on the locks as they are, and then as they change, until ctx ends or the
// loop is left. It survives lost connections: while etcd does not answer, an update has
// Err. Changes within about 50 ms make one update; a receiver that is slow gets one update
// for all that it missed, with the last 1000 events.
//
// It uses one watch of etcd for each prefix, and looks up a bounded number of leases, to tell
// a lock that was released from one whose session ended. When the loop is left, nothing is
// left running.
func (i *Inspector) Watch(ctx context.Context, prefixes ...string) iter.Seq[Update] {
	return func(yield func(Update) bool) {
		ctx, cancel := context.WithCancel(ctx)
		updates := i.source.WatchKinds(ctx, prefixes...)
		defer func() {
			cancel()
			for range updates { // until the watch has ended
			}
		}()
		for u := range updates {
			if !yield(newUpdate(u)) {
				return
			}
		}
	}
}

func newUpdate(u inspect.Update) Update {
	update := Update{Snapshot: Snapshot{u.Snapshot}, Missed: u.Missed, Resynced: string(u.Resynced.Cause), Err: u.Err}
	for _, e := range u.Events {
		id := e.Lock()
		update.Events = append(update.Events, Event{
			Kind: string(e.Kind), Lock: id.Name, Layout: id.Layout.String(), Request: newRequest(e.Request), Revision: e.Revision,
		})
	}
	return update
}

// Severity says how bad a finding is.
type Severity uint8

// The severities, from least to worst.
const (
	Notice   = Severity(diagnose.Notice)   // good to know
	Warning  = Severity(diagnose.Warning)  // worth a look
	Critical = Severity(diagnose.Critical) // does not resolve by itself, and keeps clients waiting or unprotected
)

// String returns the severity's word.
func (s Severity) String() string { return diagnose.Severity(s).String() }

// Thresholds say how long a wait or a hold lasts before it is a finding. 0 stands for half a
// minute for a wait, and for ten minutes for a hold.
type Thresholds struct{ Wait, Hold time.Duration }

// Finding is something that is wrong with locks, or may be.
type Finding struct {
	Kind     string // such as deadlock, no-lease or long-wait: see "etcd-lock why --help"
	Severity Severity
	Locks    []string // names
	Sessions []int64  // leases of the sessions that it is about; 0 for requests without one
	Behind   int      // other sessions that cannot continue because of it
	Text     string   // a sentence, in English
	Clauses  []string // more about it, a sentence each
	Remedies []Remedy // the best first
}

// Remedy is a way out. Nothing is done by itself.
type Remedy struct {
	Command string // for a shell, without the flags of the connection
	Text    string
	Clauses []string
}

// Diagnose says what is wrong with the locks of a snapshot, the worst first: deadlocks,
// requests without a lease, leases that are not renewed, long waits and holds. It looks up
// the leases of the snapshot, those that most others wait for first, and at most 64: what
// could not be looked up is not known, and the error is returned beside the findings.
//
// Long waits and holds are found in a snapshot of Watch, or where owners say when they
// made their requests.
func (i *Inspector) Diagnose(ctx context.Context, s Snapshot, t Thresholds) ([]Finding, error) {
	leases, err := i.source.Leases(ctx, s.of.LeasesByUrgency(), s.of)
	d := diagnose.Locks(s.of, leases, diagnose.Thresholds(t), time.Now())
	findings := make([]Finding, 0, len(d.Findings))
	for _, f := range d.Findings {
		findings = append(findings, newFinding(f))
	}
	return findings, err
}

func newFinding(f diagnose.Finding) Finding {
	text := narrate.Present.Finding(f)
	finding := Finding{Kind: string(f.Kind), Severity: Severity(f.Severity), Behind: f.Behind, Text: text.Headline, Clauses: text.Clauses}
	for _, l := range f.Locks {
		finding.Locks = append(finding.Locks, l.Name)
	}
	for _, s := range f.Sessions {
		finding.Sessions = append(finding.Sessions, s.ID.Lease)
	}
	for _, r := range f.Remedies {
		words := narrate.Remedy(cmdline.Flags{}, r)
		finding.Remedies = append(finding.Remedies, Remedy{Command: narrate.CommandLine(cmdline.Flags{}, r), Text: words.Headline, Clauses: words.Clauses})
	}
	return finding
}
