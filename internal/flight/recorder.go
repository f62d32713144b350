package flight

import (
	"errors"
	"fmt"
	"os"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/ongoing"
)

const (
	maxSegmentAge  = 10 * time.Minute
	maxSegmentSize = 2 << 20 // compressed
	maxChanges     = 200_000 // of requests, in a segment
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
	batch   *batcher // of steps that are not in the frame yet
	clock   clock
	release func()

	now      time.Time        // of the last line
	stepped  Time             // of the last step of the segment
	other    int              // as recorded
	reached  int64            // the revision as recorded
	last     inspect.Snapshot // the locks as they were recorded last, unless stale
	stale    bool             // the locks have changed since, and are not known but by their steps
	recorded Mark             // the last line that is durable
	cause    Cause            // why the next segment begins
	setBack  bool             // a segment is due because the clock was set back
	joint    Cause            // why a segment begins with the locks that are read next; empty: none does
	begun    bool             // there is a segment to write to
	began    time.Time        // when the segment began
	first    int              // the size of its first frame
	changes  int              // of requests, in it
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
		return nil, fmt.Errorf("the recording cannot be written: %w", err)
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
	r := &Recorder{opts: o, folder: f, frame: frame, batch: newBatcher(inspect.Snapshot{}), clock: clock{now: o.now}, release: release, cause: CauseStart, findings: ongoing.Set[Finding]{ID: Finding.id}}
	if len(f.all) > 0 {
		r.cause, r.recorded = CauseRestart, lastMark(f.parts())
	}
	return r, nil
}

// lastMark returns where a recording ends, as far as it can be read.
func lastMark(all []part) Mark {
	for i := len(all) - 1; i >= 0; i-- {
		var end Mark
		_ = scan(all[i], func(l Mark) error {
			end.Time, end.Revision = later(end.Time, l.Time), max(end.Revision, l.Revision)
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
	case u.Err != nil && r.lost != format.Plainly(u.Err):
		r.lost = format.Plainly(u.Err)
		r.add(Line{Kind: KindLost, Error: r.lost})
	case u.Err == nil && r.lost != "":
		r.lost = ""
		r.add(Line{Kind: KindBack, Revision: u.Snapshot.Revision})
	}
	r.turn()
}

// turn begins a segment if one is due, as soon as the locks are known.
func (r *Recorder) turn() {
	switch {
	case r.stale || r.last.Revision == 0:
	case !r.begun:
		r.begin(nil)
	case r.setBack:
		r.rotate(CauseClock, nil)
	case r.now.Sub(r.began) >= maxSegmentAge:
		r.rotate(CauseAge, nil)
	case r.isLarge():
		r.rotate(CauseSize, nil)
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

// Tick makes durable what was recorded. Call it about each second.
func (r *Recorder) Tick() {
	r.readClock()
	r.turn()
	switch {
	case !r.begun:
	case r.idle() && r.now.Sub(r.recorded.Time.Time) < aliveEvery:
	case r.idle():
		r.add(Line{Kind: KindAlive, Revision: r.reached})
		r.flush()
	default:
		r.flush()
	}
	if r.begun {
		r.folder.thin(r.now)
	}
}

// isLarge reports whether the segment takes long to read, or much room. Its picture is a
// small part of it.
func (r *Recorder) isLarge() bool {
	written := r.folder.written
	return written >= 4*int64(r.first) && (r.changes >= maxChanges || written >= min(maxSegmentSize, r.opts.MaxSize/8))
}

// Close ends the recording in order. It returns the failure that is left.
func (r *Recorder) Close() error {
	if r.begun {
		r.readClock()
		r.add(Line{Kind: KindEnd, Revision: r.reached})
		r.flush()
	}
	r.folder.close()
	r.release()
	return r.failed
}

// add adds a line, if there is a segment.
func (r *Recorder) add(l Line) {
	if !r.begun {
		return
	}
	r.addBatch()
	if l.Time.IsZero() {
		l.Time = newTime(r.now)
	}
	r.write(l)
	if r.frame.raw > maxFrame {
		r.flush()
	}
}

// write adds a line to the frame.
func (r *Recorder) write(l Line) {
	if err := r.frame.add(l); err != nil {
		r.fail(err)
	}
}

// idle reports whether there is nothing to make durable.
func (r *Recorder) idle() bool { return r.frame.raw == 0 && r.batch.empty() }

// flush makes the frame durable.
func (r *Recorder) flush() {
	if r.begun {
		r.addBatch()
	}
	if r.frame.raw == 0 || !r.begun {
		return
	}
	end := r.frame.end
	b, err := r.frame.finish()
	switch {
	case err != nil:
	case !r.folder.fits(b):
		r.frame.reset()
		r.begun, r.cause = false, CauseFailed // what the frame has is left out
		r.turn()
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
	if r.setBack {
		r.now, r.setBack = r.clock.wall, false
	}
	r.batch = newBatcher(r.last)
	b, err := r.firstFrame(resync)
	if err == nil {
		err = r.folder.begin(r.folder.next, b, r.now)
	}
	if err != nil {
		r.frame.reset()
		r.fail(err)
		return
	}
	r.began, r.first, r.begun, r.changes = r.now, len(b), true, 0
	r.stepped, r.other, r.reached = newTime(r.now), r.last.Other, r.last.Revision
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
	r.frame.buf.Write(segmentMark)
	now := newTime(r.now)
	head := Line{
		Kind: KindSegment, Time: now, Revision: r.last.Revision, Format: Format, Version: Version, Number: r.folder.next,
		Cluster: r.opts.cluster(), Prefixes: texts(r.last.Prefixes), Cause: r.cause, Resync: resync,
	}
	if !r.recorded.Time.IsZero() {
		previous := r.recorded
		head.Previous = &previous
	}
	err := r.frame.add(head)
	for l := range pictureLines(now, r.last) {
		if err != nil {
			break
		}
		err = r.frame.add(l)
	}
	if err != nil {
		return nil, err
	}
	return r.frame.finish()
}

// fail notes a failure: until a new segment can be begun, nothing is recorded.
func (r *Recorder) fail(err error) {
	if r.failed == nil || causeOf(r.failed) != causeOf(err) {
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
