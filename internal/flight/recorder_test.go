package flight

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// recorderT is a recorder with a clock that the test sets.
type recorderT struct {
	*Recorder
	t     *testing.T
	dir   string
	clock *testClock
	opts  Options
}

func newRecorder(t *testing.T, o Options) *recorderT {
	t.Helper()
	if o.MaxSize == 0 {
		o.Limits = Limits{Keep: 24 * time.Hour, MaxSize: 1 << 30}
	}
	r := &recorderT{t: t, dir: t.TempDir(), clock: &testClock{wall: epoch}}
	if o.now == nil {
		o.now = r.clock.read
	}
	r.opts = o
	r.start()
	return r
}

func (r *recorderT) start() {
	r.t.Helper()
	var err error
	if r.Recorder, err = NewRecorder(r.dir, r.opts); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.kill)
}

// kill ends the recorder as SIGKILL does.
func (r *recorderT) kill() {
	r.folder.close()
	r.release()
}

// record records the locks at a revision, and lets a second pass.
func (r *recorderT) record(revision int64) {
	r.Update(inspect.Update{Snapshot: locksAt(revision)})
	r.Tick()
	r.clock.pass(time.Second)
}

func (r *recorderT) open() *Recording {
	r.t.Helper()
	recording, err := Open(r.dir, layout.Builtin())
	if err != nil {
		r.t.Fatal(err)
	}
	return recording
}

// check holds that a moment has the locks of a revision.
func check(t *testing.T, m Moment, err error, revision int64) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	want := plain(locksAt(revision))
	if got := plain(m.Snapshot); !reflect.DeepEqual(got, want) {
		t.Fatalf("revision %d (-made +recorded):\n%s", revision, cmp.Diff(want.Locks, got.Locks))
	}
}

func (m Moment) doubts(text string) bool { return strings.Contains(strings.Join(m.Doubts, "\n"), text) }

// TestRecordLaw: whatever is recorded is read back, at each revision and each time.
func TestRecordLaw(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	times := map[int64]time.Time{}
	for revision := int64(1); revision <= 300; revision++ {
		times[revision] = r.clock.wall
		r.record(revision)
		switch rng.IntN(20) {
		case 0:
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r.start()
		case 1:
			r.kill()
			r.start()
		case 2:
			r.rotate(CauseAge, nil)
		case 3:
			r.clock.pass(20 * time.Minute)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	recording := r.open()
	for revision := int64(1); revision <= 300; revision++ {
		m, err := recording.Rev(revision)
		check(t, m, err, revision)
		m, err = recording.At(times[revision])
		check(t, m, err, revision)
		m, err = recording.At(times[revision].Add(999 * time.Millisecond))
		check(t, m, err, revision)
		if want := times[revision].Add(999 * time.Millisecond); !m.Time.Equal(want) && (len(m.Doubts) == 0 || m.Time.After(want)) {
			t.Errorf("the moment is at %v, want %v; doubts %q", m.Time, want, m.Doubts)
		}
	}
	m, err := recording.End()
	check(t, m, err, 300)
}

func TestGaps(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.kill()
	r.clock.pass(time.Hour)
	r.start()
	r.record(10)
	recording := r.open()
	m, err := recording.At(epoch.Add(30 * time.Minute))
	check(t, m, err, 1)
	if !m.doubts("nothing was recorded from") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	m, err = recording.Rev(5)
	check(t, m, err, 1)
	if !m.doubts("nothing was recorded from") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	m, err = recording.At(epoch.Add(2 * time.Hour))
	check(t, m, err, 10)
	if !m.doubts("the recording ends at") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	if _, err = recording.At(epoch.Add(-time.Second)); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("before the beginning: %v", err)
	}
}

// TestMissingFile: whatever happens to the files, what is missing shows.
func TestMissingFile(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"torn":    func(path string) error { return os.Truncate(path, 700) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder(t, Options{})
			for revision := int64(1); revision <= 9; revision++ {
				r.record(revision)
				if revision%3 == 0 {
					r.rotate(CauseAge, nil)
				}
			}
			if err := damage(r.open().segments[1].path); err != nil {
				t.Fatal(err)
			}
			recording := r.open()
			for revision := int64(1); revision <= 9; revision++ {
				m, err := recording.Rev(revision)
				switch {
				case err != nil || m.Snapshot.Revision > revision:
					t.Fatalf("revision %d: %d, %v", revision, m.Snapshot.Revision, err)
				case m.Snapshot.Revision < revision && !m.doubts("nothing was recorded from"):
					t.Fatalf("revision %d: of %d, doubts %q", revision, m.Snapshot.Revision, m.Doubts)
				}
				check(t, m, err, m.Snapshot.Revision)
			}
			gaps := 0
			if err := recording.Replay(func(s Step) error {
				if s.Gap != "" {
					gaps++
				}
				return nil
			}); err != nil || gaps != 1 {
				t.Errorf("%d gaps in the replay; %v", gaps, err)
			}
		})
	}
}

// TestTornPicture: a part of a picture is not taken for the locks, wherever it ends.
func TestTornPicture(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, Options{})
	r.record(1)
	big := locksAt(2)
	for i := range 3000 {
		l := locksAt(int64(10 + i)).Locks[0]
		l.ID.Name = fmt.Sprintf("/z%06d", i)
		for n := range l.Queue {
			l.Queue[n].Lock = l.ID
		}
		big.Locks = append(big.Locks, l)
	}
	r.last = big
	r.rotate(CauseAge, nil)
	path := r.folder.all[1].path
	for size := r.folder.all[1].size; size > 0; size -= 120_000 {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		m, err := r.open().End()
		whole := size == r.folder.all[1].size
		if !whole {
			check(t, m, err, 1)
		} else if err != nil || len(m.Snapshot.Locks) != len(big.Locks) {
			t.Fatalf("%d locks, %v", len(m.Snapshot.Locks), err)
		}
		if m, err = r.open().Rev(2); err != nil || !whole && m.Snapshot.Revision != 1 {
			t.Fatalf("cut to %d bytes: revision %d, %v", size, m.Snapshot.Revision, err)
		}
		var damage []string
		if err := r.open().Replay(func(s Step) error {
			if n := len(s.After.Locks); s.Kind != KindDamaged && n != len(big.Locks) && n != len(locksAt(1).Locks) {
				t.Errorf("cut to %d bytes: replayed %d locks", size, n)
			}
			damage = s.Damage
			return nil
		}); err != nil || (damage == nil) != whole {
			t.Fatalf("cut to %d bytes: %q, %v", size, damage, err)
		}
	}
}

// TestReplayOfGaps: a replay has a gap where it was, with the locks before and after it.
func TestReplayOfGaps(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.record(2)
	r.kill()
	r.clock.pass(time.Hour)
	r.start()
	r.record(10)
	r.Update(inspect.Update{Snapshot: locksAt(10), Err: errors.New("no answer")})
	r.Update(inspect.Update{Snapshot: locksAt(11), Missed: 3})
	r.Tick()
	r.Update(inspect.Update{Snapshot: locksAt(5), Resynced: inspect.Resync{Cause: inspect.ResyncWentBack, From: 11, To: 5}})
	r.Tick()
	var said []string
	err := r.open().Replay(func(s Step) error {
		said = append(said, fmt.Sprintf("%s %s %d: %d..%d, missed %d", s.Kind, s.Gap, s.Revision, s.Before.Revision, s.After.Revision, s.Missed))
		if s.After.Revision > 0 {
			check(t, Moment{Snapshot: s.After}, nil, s.After.Revision)
		}
		if s.Before.Revision > 0 {
			check(t, Moment{Snapshot: s.Before}, nil, s.Before.Revision)
		}
		return nil
	})
	want := []string{
		"picture  1: 0..1, missed 0",
		"picture the recorder was started again 10: 2..10, missed 0",
		"lost  0: 0..0, missed 0",
		"change  11: 10..11, missed 3",
		"back  11: 0..0, missed 0",
		"picture the watch read the locks anew 5: 11..5, missed 0",
	}
	if diff := cmp.Diff(want, said); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestMergedRevisions(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	lock := locksAt(9).Locks[0]
	event := func(revision int64) inspect.Event {
		return inspect.Event{Kind: inspect.EventGranted, Request: lock.Queue[0], Revision: revision}
	}
	r.Update(inspect.Update{Snapshot: locksAt(9), Events: []inspect.Event{event(4), event(9)}})
	r.Tick()
	m, err := r.open().Rev(6)
	check(t, m, err, 1)
	if !m.doubts("recorded together") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	if m, err = r.open().Rev(3); len(m.Doubts) > 0 {
		t.Errorf("revision 3: doubts = %q, %v", m.Doubts, err)
	}
}

func TestResyncAndOutage(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(50)
	r.Update(inspect.Update{Snapshot: locksAt(50), Err: errors.New("inspect: probe etcd: context deadline exceeded")})
	r.Tick()
	m, err := r.open().End()
	check(t, m, err, 50)
	if !m.doubts("etcd did not answer the recorder then (probe etcd: no answer in time)") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	r.Update(inspect.Update{Snapshot: locksAt(20), Resynced: inspect.Resync{Cause: inspect.ResyncWentBack, From: 50, To: 20}})
	r.record(51)
	r.record(52)
	m, err = r.open().Rev(30)
	check(t, m, err, 20)
	m, err = r.open().Rev(50)
	check(t, m, err, 20) // in the data that etcd has now, that is before 51
	if !m.doubts("more than once") {
		t.Errorf("doubts = %q", m.Doubts)
	}
}

// TestClockIsSetBack: nothing is reordered, and the recording says so.
func TestClockIsSetBack(t *testing.T) {
	r := newRecorder(t, Options{})
	for revision := int64(1); revision <= 10; revision++ {
		r.record(revision)
	}
	r.clock.wall = r.clock.wall.Add(-5 * time.Second)
	for revision := int64(11); revision <= 12; revision++ {
		r.record(revision)
	}
	recording := r.open()
	for revision := int64(1); revision <= 12; revision++ {
		m, err := recording.Rev(revision)
		check(t, m, err, revision)
	}
	m, err := recording.At(epoch.Add(5500 * time.Millisecond))
	check(t, m, err, 11)
	if !m.doubts("more than once") {
		t.Errorf("doubts = %q", m.Doubts)
	}
	m, err = recording.At(epoch.Add(8500 * time.Millisecond))
	check(t, m, err, 9)
	var jumps []int64
	for _, s := range recording.segments {
		if err := scan(s.part, func(l Line) error {
			if l.Kind == KindClock {
				jumps = append(jumps, l.Jump)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(jumps, []int64{-5000}) {
		t.Errorf("jumps = %v", jumps)
	}
}

// TestClockIsSetBackAnHour: nothing is lost, also once the clock has the same hour again.
func TestClockIsSetBackAnHour(t *testing.T) {
	r := newRecorder(t, Options{})
	for revision := int64(1); revision <= 10; revision++ {
		r.record(revision)
	}
	r.clock.wall = r.clock.wall.Add(-time.Hour)
	for revision := int64(11); revision <= 90; revision++ {
		r.record(revision)
		r.clock.pass(time.Minute - time.Second)
	}
	recording := r.open()
	for revision := int64(1); revision <= 90; revision++ {
		m, err := recording.Rev(revision)
		check(t, m, err, revision)
	}
	m, err := recording.At(epoch.Add(-30 * time.Minute))
	check(t, m, err, 40)
	m, err = recording.At(epoch.Add(5 * time.Second)) // the last one
	check(t, m, err, 70)
	if !m.doubts("more than once") {
		t.Errorf("doubts = %q", m.Doubts)
	}
}

// TestClockIsSetForward: segments do not grow old by that.
func TestClockIsSetForward(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.rotate(CauseAge, nil)
	r.clock.wall = r.clock.wall.Add(365 * 24 * time.Hour)
	r.record(2)
	r.record(3)
	m, err := r.open().Rev(1)
	check(t, m, err, 1)
}

func TestLimits(t *testing.T) {
	const maxSize = 40 << 10
	r := newRecorder(t, Options{Limits: Limits{Keep: time.Hour, MaxSize: maxSize}})
	for revision := int64(1); revision <= 400; revision++ {
		r.record(revision)
		var size int64
		all, _, err := segments(r.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			size += s.size
		}
		if size > maxSize || size != r.folder.size {
			t.Fatalf("revision %d: %d bytes, counted as %d", revision, size, r.folder.size)
		}
	}
	m, err := r.open().Rev(399)
	check(t, m, err, 399)
	if _, err := r.open().Rev(1); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("the oldest segment: %v", err)
	}
	for revision := range int64(2) {
		r.clock.pass(3 * time.Hour)
		r.record(401 + revision)
	}
	if _, err := r.open().Rev(399); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("what is older than an hour: %v", err)
	}
}

func TestOneRecorderAtATime(t *testing.T) {
	r := newRecorder(t, Options{})
	if _, err := NewRecorder(r.dir, r.opts); err == nil || !strings.Contains(err.Error(), "another recorder") {
		t.Errorf("error = %v", err)
	}
}

func TestFindings(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	stuck := Finding{Kind: "deadlock", Severity: "critical", Text: "stuck for 1s", Locks: []Text{"/a\xff"}}
	r.Findings([]Finding{stuck})
	r.record(2)
	r.rotate(CauseAge, nil)
	stuck.Text = "stuck for 2s"
	r.Findings([]Finding{stuck})
	r.record(3)
	r.Findings(nil)
	r.record(4)
	for revision, want := range map[int64]int{1: 1, 2: 1, 3: 0, 4: 0} {
		m, err := r.open().Rev(revision)
		if err != nil || len(m.Findings) != want {
			t.Errorf("revision %d: %d findings, want %d; %v", revision, len(m.Findings), want, err)
		}
	}
}

func TestLeases(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	want := inspect.Lease{State: inspect.LeaseOverdue, Granted: 10 * time.Second, Remaining: -3 * time.Second, Lacks: []string{"/a/write/\xff"}}
	r.Leases(map[int64]inspect.Lease{-5: want, 6: {}})
	r.record(2)
	m, err := r.open().End()
	if diff := cmp.Diff(map[int64]inspect.Lease{-5: want}, m.Leases); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for range 31 {
		r.record(3)
	}
	if m, _ = r.open().End(); len(m.Leases) > 0 {
		t.Errorf("leases after 30 seconds: %v", m.Leases)
	}
}

// failing is a disk that is full now and then.
type failing struct {
	output
	room *int
}

func (f failing) Write(b []byte) (int, error) {
	n := min(len(b), *f.room)
	*f.room -= n
	written, err := f.output.Write(b[:n])
	if err == nil && n < len(b) {
		err = errors.New("no space left on device")
	}
	return written, err
}

// TestFullDisk: wherever a write ends early, nothing that was recorded before is lost, and
// the recording goes on with a gap that shows.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		room := rng.IntN(30 << 10)
		var reports []error
		r := newRecorder(t, Options{
			create: func(path string) (output, error) {
				f, err := createFile(path)
				return failing{f, &room}, err
			},
			Report: func(err error) { reports = append(reports, err) },
		})
		durable := map[int64]bool{}
		for revision := int64(1); revision <= 60; revision++ {
			r.record(revision)
			durable[revision] = r.failed == nil
			if !durable[revision] && rng.IntN(4) == 0 {
				room = rng.IntN(30 << 10)
			}
		}
		room = 1 << 20
		r.record(61)
		recording := r.open()
		for revision := int64(1); revision <= 60; revision++ {
			m, err := recording.Rev(revision)
			if durable[revision] {
				check(t, m, err, revision)
			} else if err == nil && m.Snapshot.Revision != revision && !m.doubts("could not be written") {
				t.Fatalf("seed %d, revision %d: the gap does not show: %q", seed, revision, m.Doubts)
			}
		}
		m, err := recording.End()
		check(t, m, err, 61)
		if len(reports) > 0 && (reports[0] == nil || reports[len(reports)-1] != nil) {
			t.Fatalf("reports = %v", reports)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, layout.Builtin()); err == nil {
		t.Error("an empty folder is a recording")
	}
	file := dir + "/x"
	if err := os.WriteFile(file, []byte("no recording"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, layout.Builtin()); err == nil {
		t.Error("any file is a recording")
	}
}

// TestEverythingIsRecorded: whoever adds a field to these types has it recorded, and made
// up by locksAt, before the number here is changed.
func TestEverythingIsRecorded(t *testing.T) {
	for of, want := range map[any]int{
		reflect.TypeFor[inspect.Request](): 17, reflect.TypeFor[inspect.Lock](): 5, reflect.TypeFor[inspect.Event](): 6,
		reflect.TypeFor[keyspace.Owner](): 11 /* one of which, Trace, is not */, reflect.TypeFor[layout.Term](): 4, reflect.TypeFor[layout.Slots](): 2,
	} {
		if n := of.(reflect.Type).NumField(); n != want {
			t.Errorf("%v has %d fields, of which %d are recorded", of, n, want)
		}
	}
}

// A replay from a time begins with the locks as they were at that time, and says so: not at
// that of the last change before it. In a gap, it is not known for how long they were so.
func TestReplayBegins(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.record(2)
	r.clock.pass(5 * time.Second)
	r.record(3)
	last := newTime(r.now)
	enough := errors.New("enough")
	begins := func(at time.Time) time.Time {
		t.Helper()
		var first time.Time
		if err := r.open().ReplayAt(at, func(s Step) error {
			first = s.Time
			return enough
		}); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		return first
	}
	between := epoch.Add(4 * time.Second)
	if got := begins(between); !got.Equal(between) {
		t.Errorf("it begins at %s, want %s", got, between)
	}
	r.kill()
	r.clock.pass(time.Minute)
	r.start()
	r.record(4)
	if got := begins(last.Add(10 * time.Second)); !got.Equal(last.Time) {
		t.Errorf("in a gap, it begins at %s, want %s", got, last.Time)
	}
}
