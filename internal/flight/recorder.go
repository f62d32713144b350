package flight

import (
	"errors"
	"fmt"
	"os"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/ongoing"
)

const (
	maxSegmentAge  = 10 * time.Minute
	maxSegmentSize = 2 << 20 // compressed
	maxFrame       = 4 << 20 // before compression, of what is collected in memory
	aliveEvery     = 10 * time.Second
)

// Options are the options of a Recorder.
type Options struct {
	Limits

	// Cluster returns the ID of the cluster in hex, or nothing if it is not known. It is
	// called when a segment begins.
	Cluster func() string
	// Report reports that recording fails and, with nil, that it goes on.
	Report func(error)

	now    func() (time.Time, time.Duration) // nil: the clock of the machine
	create func(string) (output, error)      // nil: files
}

// Recorder writes what a watch sends into a folder. It is not safe for concurrent use.
//
// What it was given is durable after the next Tick. A failure to write is reported, and
// tried again at each Tick with a new segment that says what may be missing.
type Recorder struct {
	opts    Options
	folder  *folder
	frame   *frame
	clock   clock
	release func()

	now      time.Time        // of the last line
	last     inspect.Snapshot // the locks as they were recorded last
	recorded Mark             // the last line that is durable
	cause    Cause            // why the next segment begins
	begun    bool             // there is a segment to write to
	began    time.Time        // when the segment began
	first    int              // the size of its first frame
	failed   error
	lost     string // the error while etcd does not answer
	findings ongoing.Set[Finding]
}

// NewRecorder returns a recorder that writes to a folder, which it makes. It goes on with
// a recording that is there. It fails if another recorder writes to the folder.
func NewRecorder(dir string, o Options) (*Recorder, error) {
	if o.now == nil {
		o.now = systemClock()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("flight: %w", err)
	}
	release, err := guard(dir)
	if err != nil {
		return nil, err
	}
	f, err := openFolder(dir, o.Limits)
	frame, frameErr := newFrame()
	if err := errors.Join(err, frameErr); err != nil {
		release()
		return nil, err
	}
	if o.create != nil {
		f.create = o.create
	}
	r := &Recorder{opts: o, folder: f, frame: frame, clock: clock{now: o.now}, release: release, cause: CauseStart, findings: ongoing.Set[Finding]{ID: Finding.id}}
	if len(f.all) > 0 {
		r.cause, r.recorded = CauseRestart, lastMark(f.all)
	}
	return r, nil
}

// lastMark returns where a recording ends, as far as it can be read.
func lastMark(all []stored) Mark {
	for i := len(all) - 1; i >= 0; i-- {
		var end Mark
		_ = scan(all[i].path, func(l Mark) error {
			if !l.Time.IsZero() {
				end.Time = l.Time
			}
			if l.Revision > 0 {
				end.Revision = l.Revision
			}
			return nil
		})
		if !end.Time.IsZero() {
			return end
		}
	}
	return Mark{}
}

// Update records what a watch has sent.
func (r *Recorder) Update(u inspect.Update) {
	r.readClock()
	if u.Snapshot.Revision > 0 {
		r.news(u)
	}
	switch {
	case u.Err != nil && r.lost != u.Err.Error():
		r.lost = u.Err.Error()
		r.add(Line{Kind: KindLost, Error: r.lost})
	case u.Err == nil && r.lost != "":
		r.lost = ""
		r.add(Line{Kind: KindBack, Revision: u.Snapshot.Revision})
	}
}

// news records the locks of an update.
func (r *Recorder) news(u inspect.Update) {
	before := r.last
	r.last = u.Snapshot
	switch {
	case before.Revision == 0 && !r.begun:
		r.begin(nil)
	case u.Resynced.Happened():
		r.rotate(CauseResync, &Resync{Cause: string(u.Resynced.Cause), From: u.Resynced.From, To: u.Resynced.To})
	default:
		changes := diff(before.Locks, u.Snapshot.Locks)
		if len(changes)+len(u.Events)+u.Missed == 0 && before.Other == u.Snapshot.Other && u.Snapshot.Revision == before.Revision {
			return
		}
		r.add(Line{
			Kind: KindChange, Revision: u.Snapshot.Revision, Other: u.Snapshot.Other,
			Changes: changes, Events: newEvents(u.Events, before, u.Snapshot), Missed: u.Missed,
		})
	}
}

// Leases records what etcd said of leases.
func (r *Recorder) Leases(leases map[int64]inspect.Lease) {
	var all []Lease
	for id, l := range leases {
		if l.State != inspect.LeaseUnknown {
			all = append(all, newLease(id, l))
		}
	}
	if len(all) > 0 {
		r.readClock()
		r.add(Line{Kind: KindLeases, Leases: all})
	}
}

// Tick makes durable what was recorded. Call it each second.
func (r *Recorder) Tick() {
	r.readClock()
	switch {
	case r.last.Revision == 0:
	case !r.begun:
		r.begin(nil)
	case r.now.Sub(r.began) >= maxSegmentAge:
		r.rotate(CauseAge, nil)
	case r.folder.written >= max(min(maxSegmentSize, r.opts.MaxSize/8), 4*int64(r.first)):
		r.rotate(CauseSize, nil)
	case r.frame.raw == 0 && r.now.Sub(r.recorded.Time.Time) < aliveEvery:
	case r.frame.raw == 0:
		r.add(Line{Kind: KindAlive, Revision: r.last.Revision})
		r.flush()
	default:
		r.flush()
	}
}

// Close ends the recording in order. It returns the failure that is left.
func (r *Recorder) Close() error {
	if r.begun {
		r.readClock()
		r.add(Line{Kind: KindEnd, Revision: r.last.Revision})
		r.flush()
	}
	r.folder.close()
	r.release()
	return r.failed
}

// readClock reads the clock, and records it if the clock was set. Within a segment, time does not go
// back.
func (r *Recorder) readClock() {
	now, jump := r.clock.read()
	r.now = now
	switch {
	case jump == 0 || !r.begun:
		return
	case jump < 0:
		r.now = r.frame.end.Time.Time // of what was recorded by the clock before
		if r.now.IsZero() {
			r.now = r.recorded.Time.Time
		}
		r.add(Line{Kind: KindClock, Jump: jump.Milliseconds()})
		r.flush()
		r.now = now
		r.rotate(CauseClock, nil)
	default:
		r.folder.ahead += jump
		r.add(Line{Kind: KindClock, Jump: jump.Milliseconds()})
	}
}

// add adds a line, if there is a segment.
func (r *Recorder) add(l Line) {
	if !r.begun {
		return
	}
	l.Time = newTime(r.now)
	if err := r.frame.add(l); err != nil {
		r.fail(err)
		return
	}
	if r.frame.raw > maxFrame {
		r.flush()
	}
}

// flush makes the frame durable.
func (r *Recorder) flush() {
	if r.frame.raw == 0 || !r.begun {
		return
	}
	end := r.frame.end
	b, err := r.frame.finish()
	switch {
	case err != nil:
	case !r.folder.fits(b):
		r.frame.reset()
		r.cause = CauseFailed // what the frame has is left out
		r.begin(nil)
		return
	default:
		err = r.folder.append(b, r.now)
	}
	r.frame.reset()
	if err != nil {
		r.fail(err)
		return
	}
	r.recorded = Mark{Time: end.Time, Revision: max(end.Revision, r.recorded.Revision)}
}

// rotate begins another segment, after what was recorded.
func (r *Recorder) rotate(cause Cause, resync *Resync) {
	r.flush()
	if r.begun {
		r.cause = cause
	}
	r.begin(resync)
}

// begin begins a segment with the locks as they are.
func (r *Recorder) begin(resync *Resync) {
	r.begun = false
	b, err := r.firstFrame(resync)
	if err == nil {
		err = r.folder.begin(r.folder.next, b, r.now)
	}
	if err != nil {
		r.frame.reset()
		r.fail(err)
		return
	}
	r.began, r.first, r.begun = r.now, len(b), true
	r.recorded = Mark{Time: newTime(r.now), Revision: r.last.Revision}
	r.frame.reset()
	if r.failed != nil {
		r.failed = nil
		r.opts.report(nil)
	}
	if r.lost != "" {
		r.add(Line{Kind: KindLost, Error: r.lost})
	}
	r.Findings(r.takeFindings())
}

// firstFrame returns the frame with which a segment begins.
func (r *Recorder) firstFrame(resync *Resync) ([]byte, error) {
	r.frame.reset()
	now := newTime(r.now)
	head := Line{
		Kind: KindSegment, Time: now, Revision: r.last.Revision, Format: Format, Version: Version, Number: r.folder.next,
		Cluster: r.opts.cluster(), Prefixes: texts(r.last.Prefixes), Cause: r.cause, Resync: resync,
	}
	if !r.recorded.Time.IsZero() {
		previous := r.recorded
		head.Previous = &previous
	}
	locks := diff(nil, r.last.Locks)
	picture := Line{Kind: KindPicture, Time: now, Revision: r.last.Revision, Other: r.last.Other, Count: len(locks)}
	err := errors.Join(r.frame.add(head), r.frame.add(picture))
	for i := range locks {
		if err == nil {
			err = r.frame.add(Line{Kind: KindLock, Lock: &locks[i]})
		}
	}
	if err != nil {
		return nil, err
	}
	return r.frame.finish()
}

// fail notes a failure: until a new segment can be begun, nothing is recorded.
func (r *Recorder) fail(err error) {
	if r.failed == nil || r.failed.Error() != err.Error() {
		r.opts.report(err)
	}
	r.failed, r.begun, r.cause = err, false, CauseFailed
	r.frame.reset()
}

func (o Options) report(err error) {
	if o.Report != nil {
		o.Report(err)
	}
}

func (o Options) cluster() string {
	if o.Cluster == nil {
		return ""
	}
	return o.Cluster()
}
