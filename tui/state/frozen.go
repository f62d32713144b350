package state

import (
	"strconv"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/term"
)

// Frozen is a snapshot that is shown in place of the live one, and why.
type Frozen struct {
	Snapshot
	Mark string    // in one word, for the header
	At   time.Time // when it was taken; zero: not known
	Past bool      // it is history, and not only paused

	// What is known of history.
	Place    backend.Place
	Recorded bool
	Wanted   time.Time // that was asked for, of which it may be the last moment before; zero: At
	Last     time.Time // the end of the recording
	Doubts   []string  // why the locks may have been different, printable
	Log      *Log      // of the time before; nil: not known
	journal  *journal  // likewise
	queues   Samples   // likewise
	leases   map[int64]leaseFact
}

// FromPast returns a moment of the past to be shown, diagnosed at that time. The diagnosis
// is from now.
func FromPast(m *backend.Moment, now time.Time) *Frozen {
	f := &Frozen{
		Mark: pastMark(m), At: m.Place.Time, Past: true,
		Place: m.Place, Recorded: m.Recorded, Last: m.Last, leases: map[int64]leaseFact{},
	}
	leases := make(map[int64]inspect.Lease, len(m.Leases))
	for id, l := range m.Leases {
		f.leases[id], leases[id] = leaseFact{l.Lease, l.At}, l.Lease
	}
	for _, d := range m.Doubts {
		f.Doubts = append(f.Doubts, term.Safe(d))
	}
	f.Snapshot = Snapshot{Snapshot: m.Snapshot, Verdict: NewVerdict(m.Snapshot, leases, m.Place.Time)}
	for i := range f.Verdict.Findings { // they apply to the present only
		f.Verdict.Findings[i].Remedies = nil
	}
	if !m.Recorded {
		f.Verdict.At = now
	}
	return f
}

// pastMark is the loud word of the past: of etcd with how far back it goes, of a recording
// with the time.
func pastMark(m *backend.Moment) string {
	revision := " rev " + strconv.FormatInt(m.Snapshot.Revision, 10)
	if !m.Recorded {
		return "PAST" + revision + ", oldest " + strconv.FormatInt(m.Floor.Revision, 10)
	}
	mark := "RECORDED " + m.Place.Time.Format(time.DateTime) + revision
	if len(m.Doubts) > 0 {
		mark += " ?"
	}
	return mark
}

// Clock returns the time that the screen shows, which stops with the snapshot.
func (d *Data) Clock() time.Time {
	if d.Frozen != nil {
		return d.Frozen.At
	}
	return d.Now
}

// InPast reports whether the screens show history.
func (d *Data) InPast() bool { return d.Frozen != nil && d.Frozen.Past }

// InRecording reports whether the screens show a moment of a recording, which has a time.
func (d *Data) InRecording() bool { return d.InPast() && d.Frozen.Recorded }

// LastRecorded returns the end of the recording, as far as it is known.
func (d *Data) LastRecorded() time.Time {
	last := d.Overview.End
	if d.InRecording() && d.Frozen.Last.After(last) {
		last = d.Frozen.Last
	}
	return last
}

// Cursor returns the time in a recording that the user has gone to.
func (f *Frozen) Cursor() time.Time {
	if f.Wanted.After(f.At) {
		return f.Wanted
	}
	return f.At
}

// ShownLog returns the log as of the moment that is shown, if that is known, else the
// live one.
func (d *Data) ShownLog() *Log {
	if d.InPast() && d.Frozen.Log != nil {
		return d.Frozen.Log
	}
	return &d.Log
}

// ShownJournal returns the requests as of the moment that is shown, if they are known, else
// those of the present.
func (d *Data) ShownJournal() *journal {
	if d.InRecording() && d.Frozen.journal != nil {
		return d.Frozen.journal
	}
	return &d.Journal
}

// ShownQueues returns the lengths of queues in the seconds before what is shown; none of a
// past without times.
func (d *Data) ShownQueues() *Samples {
	if d.InPast() {
		return &d.Frozen.queues
	}
	return &d.Queues
}

// Lease returns what etcd said of a lease shortly before the moment that is shown.
func (d *Data) Lease(id int64) leaseFact {
	if d.InPast() {
		return d.Frozen.leases[id]
	}
	return d.Leases.fresh(id, d.Clock())
}

// LeaseOf is Lease as far as a request is concerned, and the remaining time as LeaseLeft
// returns it.
func (d *Data) LeaseOf(r inspect.Request) (f leaseFact, left time.Duration, known bool) {
	f = d.Lease(r.Lease)
	f.Lease = f.Of(r.Key)
	left, known = d.left(f)
	return f, left, known
}

// LeaseLeft returns the remaining time of a lease, less than 0 if it has
// expired, and whether it is known.
func (d *Data) LeaseLeft(id int64) (time.Duration, bool) {
	return d.left(d.Lease(id))
}

func (d *Data) left(f leaseFact) (time.Duration, bool) {
	if !d.InPast() && !d.Connected() {
		return 0, false
	}
	return f.left(d.Clock())
}

// Renewals returns what look-ups have shown of whether a lease is renewed. Of the past, that is
// nothing.
func (d *Data) Renewals(id int64) Renewals {
	if d.InPast() {
		return Renewals{}
	}
	return d.Leases.Renewals(id)
}

// Play is how a recording passes by itself.
type Play struct {
	On    bool
	Speed int // the factor by which its time passes faster; 0: 1
}

// MaxSpeed is the largest factor.
const MaxSpeed = 1000

// Faster returns a speed ten times as fast (by 1), or as slow (-1).
func (p Play) Faster(by int) int {
	speed := max(p.Speed, 1)
	if by > 0 {
		return min(speed*10, MaxSpeed)
	}
	return max(speed/10, 1)
}

// Sign says how fast a recording passes.
func (p Play) Sign() string {
	if !p.On {
		return "‖"
	}
	return "▶ " + strconv.Itoa(max(p.Speed, 1)) + "×"
}
