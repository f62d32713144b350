package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

// ResyncCause says why a watch had to read the locks anew.
type ResyncCause string

// The causes. With all but ResyncCompacted and ResyncSilent, etcd has other data than
// before, and what was seen before may never have happened in it.
const (
	ResyncCompacted    ResyncCause = "compacted"     // etcd has compacted the events since the watch was lost
	ResyncOtherCluster ResyncCause = "other_cluster" // a cluster with another ID answers
	ResyncWentBack     ResyncCause = "went_back"     // etcd's revision or raft term went back
	ResyncReplaced     ResyncCause = "replaced"      // etcd has other keys than before at the same revision
	ResyncSilent       ResyncCause = "silent"        // the watch sent nothing although keys have changed
)

// otherData reports whether the data was replaced.
func (c ResyncCause) otherData() bool {
	return c == ResyncOtherCluster || c == ResyncWentBack || c == ResyncReplaced
}

// Resync says that a snapshot was read anew, so that the events in between are not
// known. The zero Resync says that it was not.
type Resync struct {
	Cause ResyncCause // empty if the snapshot was not read anew
	From  int64       // the last revision that was known before
	To    int64       // the revision of the new snapshot
}

// Happened reports whether the snapshot was read anew.
func (r Resync) Happened() bool { return r.Cause != "" }

// then returns what r and next, after it, come to.
func (r Resync) then(next Resync) Resync {
	if r.Cause.otherData() && !next.Cause.otherData() {
		next.Cause = r.Cause
	}
	next.From = max(r.From, next.From)
	return next
}

// TokensRepeat reports whether etcd gives fencing tokens that it has given before.
func (r Resync) TokensRepeat() bool {
	return r.Cause.otherData() && (r.To < r.From || r.Cause != ResyncOtherCluster)
}

// Text says what happened and what it means for fencing tokens.
func (r Resync) Text() string {
	text := map[ResyncCause]string{
		ResyncCompacted:    fmt.Sprintf("etcd has compacted events since revision %d", r.From),
		ResyncOtherCluster: fmt.Sprintf("data replaced: another cluster answers, at revision %d after %d", r.To, r.From),
		ResyncWentBack:     fmt.Sprintf("data replaced: revisions went back from %d to %d", r.From, r.To),
		ResyncReplaced:     fmt.Sprintf("data replaced: the keys at revision %d are not those of before", r.From),
		ResyncSilent:       fmt.Sprintf("the watch sent nothing since revision %d although keys have changed", r.From),
	}[r.Cause]
	if r.Cause == ResyncWentBack && r.To >= r.From { // it may have gone on since, or only the term went back
		return fmt.Sprintf("data replaced: etcd went back to an earlier state, as of a backup, and is at revision %d after %d; fencing tokens up to %d may be given twice", r.To, r.From, r.From)
	}
	if r.TokensRepeat() {
		text += fmt.Sprintf("; fencing tokens went back: those up to %d can be given twice", r.From)
	}
	return text
}

// resyncError ends a watch on data that is not what it was.
type resyncError struct{ cause ResyncCause }

func (e resyncError) Error() string { return "inspect: the data was replaced: " + string(e.cause) }

// resyncCause returns why the locks have to be read anew, if that is what err says.
func resyncCause(err error) ResyncCause {
	var resync resyncError
	switch {
	case errors.As(err, &resync):
		return resync.cause
	case errors.Is(err, rpctypes.ErrCompacted):
		return ResyncCompacted
	case errors.Is(err, rpctypes.ErrFutureRev):
		return ResyncWentBack
	default:
		return ""
	}
}

// identifiedKV notes which cluster answers.
type identifiedKV struct {
	clientv3.KV
	cluster atomic.Uint64 // 0: none has answered yet
}

// Get implements clientv3.KV.
func (k *identifiedKV) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	resp, err := k.KV.Get(ctx, key, opts...)
	if err == nil && resp.Header != nil {
		k.cluster.Store(resp.Header.ClusterId)
	}
	return resp, err
}

// checking is a listing for the publisher to compare with its state.
type checking struct {
	listing listing
	same    chan<- bool // buffered
}

// verify makes sure, once a watch is open and before it goes on, that etcd has the data
// that it had: while no watch was open, it may have been replaced by a backup or by
// another cluster, whose watches go on from any revision without a word. It returns a
// resyncError if so.
//
// In doubt, a watch that sends nothing is not believed: the keys have to be as before,
// or it is opened again, and if it still sends nothing, the keys are read anew.
func (f *follower) verify(ctx context.Context) error {
	f.matched = 0
	passed := f.passed()
	if f.doubted {
		now, err := f.compare(ctx, nil)
		switch {
		case err != nil:
			return err
		case now.same:
			f.matched, f.silent = now.revision, 0
			return nil
		case f.silent == passed:
			return resyncError{ResyncSilent}
		}
		f.silent = passed
	}
	then, err := f.compare(ctx, f.applied)
	if err == nil && !then.same {
		err = resyncError{ResyncReplaced}
	}
	return err
}

// compared is how a listing compares with what the publisher has.
type compared struct {
	same     bool
	revision int64
}

// compare lists each range at its revision, or all now if that is nil, and compares with
// what the publisher has. It fails if another cluster answers or revisions went back.
func (f *follower) compare(ctx context.Context, each []int64) (compared, error) {
	l := f.lister
	l.each = each
	all, err := l.list(ctx)
	switch {
	case err != nil && resyncCause(err) == "":
		return compared{}, err
	case f.otherCluster(f.kv.cluster.Load()):
		return compared{}, resyncError{ResyncOtherCluster}
	case err != nil:
		return compared{}, err
	case all.revision < f.passed():
		return compared{}, resyncError{ResyncWentBack}
	}
	same := make(chan bool, 1)
	f.changes.send(change{check: &checking{listing: all, same: same}})
	return compared{<-same, all.revision}, nil
}

// otherCluster reports whether a cluster is not the one that was listed. A proxy may
// leave the ID out.
func (f *follower) otherCluster(id uint64) bool {
	return id != 0 && f.cluster != 0 && id != f.cluster
}

// replacement returns why the locks are read anew, given the cluster and the raft term that
// the next listing is of: with another one, or an earlier term, not only for the reason for
// which the last watch ended.
func (f *follower) replacement(cluster, term uint64) ResyncCause {
	switch {
	case f.otherCluster(cluster):
		return ResyncOtherCluster
	case term < f.term && !f.resync.otherData():
		return ResyncWentBack
	default:
		return f.resync
	}
}

// matches reports whether a listing has the keys of the state.
func (s *state) matches(l listing) bool {
	now := s.snapshot()
	return now.Other == l.other && slices.EqualFunc(now.Locks, l.locks, sameLock)
}

func sameLock(a, b Lock) bool {
	return a.ID == b.ID && a.MoreOthers == b.MoreOthers && slices.Equal(a.Candidates, b.Candidates) &&
		slices.EqualFunc(a.Queue, b.Queue, func(a, b Request) bool { return sameKey(a, b) && a.Lease == b.Lease }) &&
		slices.EqualFunc(a.Others, b.Others, sameKey)
}

func sameKey(a, b Request) bool {
	return a.Key == b.Key && a.Revision == b.Revision && a.Modified == b.Modified
}

// settleMatched takes it as proved that the watch has passed everything up to the
// revision that was compared before it began: it has had time enough to send it.
func (f *follower) settleMatched() {
	if f.matched <= f.passed() {
		return
	}
	for i := range f.applied {
		f.applied[i] = max(f.applied[i], f.matched)
	}
	f.changes.send(change{settled: f.matched})
}

// retryPause is the pause between failed attempts, twice as long each time.
type retryPause struct{ last time.Duration }

func (p *retryPause) wait(ctx context.Context) {
	p.last = min(max(2*p.last, retryMin), retryMax)
	backoff.Pause(ctx, p.last)
}
