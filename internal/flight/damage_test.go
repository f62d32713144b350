package flight

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// idle is a follower that notes how far it got.
type idle struct {
	advanced time.Time
	jumps    int
}

func (*idle) Begin(time.Time, inspect.Snapshot)   {}
func (*idle) Apply([]inspect.Event)               {}
func (*idle) Gap(time.Time, inspect.Snapshot)     {}
func (i *idle) Advance(t time.Time)               { i.advanced = t }
func (i *idle) ClockSet(time.Time, time.Duration) { i.jumps++ }

// TestDamagedEnd: whatever reads a recording that does not end as it was written says so, in
// the same words.
func TestDamagedEnd(t *testing.T) {
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	for name, damage := range map[string]func(path string) error{
		"torn":               func(path string) error { return os.Truncate(path, sizeOf(path)-9) },
		"torn in the middle": func(path string) error { return os.Truncate(path, sizeOf(path)*2/3) },
		"without its locks":  func(path string) error { return os.Truncate(path, 60) },
		"emptied":            func(path string) error { return os.Truncate(path, 0) },
		"foreign":            write("this is no recording\n"),
		"zeros":              write(string(make([]byte, 5000))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder(t, Options{})
			for revision := int64(1); revision <= 6; revision++ {
				r.record(revision)
				if revision == 3 {
					r.rotate(CauseAge, nil)
				}
			}
			segments := r.open().segments
			if err := damage(segments[len(segments)-1].path); err != nil {
				t.Fatal(err)
			}
			checkDamage(t, r.open())
			var file bytes.Buffer
			if err := r.open().Export(&file, ExportOptions{}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "ticket")
			if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			exported, err := Open(path, layout.Builtin())
			if err != nil {
				t.Fatal(err)
			}
			checkDamage(t, exported)
		})
	}
}

// checkDamage makes sure that everything that gets to the end of a recording says that it is
// damaged.
func checkDamage(t *testing.T, r *Recording) {
	t.Helper()
	end, err := r.End()
	if err != nil || len(end.Doubts) != 1 {
		t.Fatalf("at the end: %q, %v", end.Doubts, err)
	}
	later, err := r.At(end.Time.Add(time.Hour))
	if err != nil || !slices.Contains(later.Doubts, end.Doubts[0]) {
		t.Errorf("after the end: %q, %v; want %q", later.Doubts, err, end.Doubts)
	}
	before, err := r.At(end.Time.Add(-time.Second))
	if err != nil || len(before.Doubts) > 0 {
		t.Errorf("before the end: %q, %v", before.Doubts, err)
	}
	var steps []Step
	note := func(s Step) error {
		steps = append(steps, s)
		return nil
	}
	for _, err := range []error{r.Replay(note), r.ReplayAt(end.Time, note), r.ReplayRev(2, note)} {
		if last := steps[len(steps)-1]; err != nil || last.Kind != KindDamaged || !slices.Equal(last.Damage, end.Doubts) || last.Text() != end.Doubts[0] {
			t.Errorf("replayed: %s %q, %v; want %q", last.Kind, last.Damage, err, end.Doubts)
		}
	}
	if got, err := r.Follow(t.Context(), time.Time{}, time.Time{}, nil, &idle{}); err != nil || !slices.Equal(got, end.Doubts) {
		t.Errorf("followed: %q, %v; want %q", got, err, end.Doubts)
	}
	if got, err := r.Follow(t.Context(), time.Time{}, end.Time.Add(-time.Second), nil, &idle{}); err != nil || len(got) > 0 {
		t.Errorf("followed up to before the end: %q, %v", got, err)
	}
	var part bytes.Buffer
	if err := r.Export(&part, ExportOptions{To: end.Time.Add(-2 * time.Second)}); err != nil || bytes.HasSuffix(part.Bytes(), segmentMark) {
		t.Errorf("an export up to before the end is damaged: %v", err)
	}
}

// TestOnlyPictureIsTorn: there is no recording where not even the first locks are complete.
func TestOnlyPictureIsTorn(t *testing.T) {
	r := newRecorder(t, Options{})
	big := locksAt(2)
	for i := range 3000 {
		l := locksAt(int64(10 + i)).Locks[0]
		l.ID.Name += string(rune('a' + i%26))
		big.Locks = append(big.Locks, l)
	}
	r.Update(inspect.Update{Snapshot: big})
	r.Tick()
	path := r.folder.all[0].path
	if err := os.Truncate(path, sizeOf(path)*2/3); err != nil {
		t.Fatal(err)
	}
	if _, err := r.open().End(); !errors.Is(err, ErrNoRecording) {
		t.Errorf("the end: %v", err)
	}
	if err := r.open().Replay(func(Step) error { return nil }); !errors.Is(err, ErrNoRecording) {
		t.Errorf("the replay: %v", err)
	}
}

// TestUnreadable: a file that this user may not read is no damage.
func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	r := newRecorder(t, Options{})
	r.record(1)
	if err := os.Chmod(r.folder.all[0].path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(r.folder.dir, layout.Builtin()); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}

// TestFollowOverAnEarlierClock: the clock was set back in a recording, and all of it is
// followed.
func TestFollowOverAnEarlierClock(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.clock.pass(time.Minute)
	r.record(2)
	before := r.clock.wall
	r.clock.wall = r.clock.wall.Add(-time.Hour)
	r.record(3)
	r.clock.pass(time.Minute)
	r.record(4)
	last := r.open().Last().Time.Time
	f := &idle{}
	if _, err := r.open().Follow(t.Context(), time.Time{}, time.Time{}, nil, f); err != nil || !f.advanced.Equal(last) || f.jumps != 1 {
		t.Errorf("followed up to %v, over %d jumps, %v; want %v", f.advanced, f.jumps, err, last)
	}
	if earliest, latest := r.open().Range(); !earliest.Before(epoch) || latest.Before(before.Add(-time.Second)) || !latest.After(last) {
		t.Errorf("from %v to %v", earliest, latest)
	}
}

// TestSecondOfTheBeginning: messages say times to the second, and what they say can be asked
// for.
func TestSecondOfTheBeginning(t *testing.T) {
	r := newRecorder(t, Options{})
	r.clock.pass(700 * time.Millisecond)
	r.record(1)
	begin := r.open().Begin().Time.Time
	said, err := time.Parse(time.RFC3339, Show(begin))
	if err != nil || !said.Before(begin) {
		t.Fatalf("it begins at %v, said as %v, %v", begin, said, err)
	}
	if m, err := r.open().At(said); err != nil || m.Snapshot.Revision != 1 || m.Time.Before(begin) {
		t.Errorf("at %v: %d at %v, %v", said, m.Snapshot.Revision, m.Time, err)
	}
	if _, err := r.open().At(said.Add(-time.Second)); !errors.Is(err, ErrNotRecorded) {
		t.Error(err)
	}
}

// TestWhyRequestsEnded: each way in which a request can be gone is recorded.
func TestWhyRequestsEnded(t *testing.T) {
	r := newRecorder(t, Options{})
	b := newBusy(20, 4, true)
	r.Update(b.begin())
	kinds := []inspect.EventKind{inspect.EventReleased, inspect.EventDetached, inspect.EventExpired, inspect.EventRevoked, inspect.EventEnded}
	u := b.update(r.clock.wall)
	var want []inspect.EventKind
	for i := range u.Events {
		if e := &u.Events[i]; e.Kind.Gone() {
			e.Kind, e.Session = kinds[len(want)%len(kinds)], inspect.LeaseGone
			want = append(want, e.Kind)
		}
	}
	r.clock.pass(time.Second)
	r.Update(u)
	r.Tick()
	lines := 0
	if err := scan(r.open().segments[0].part, func(l Line) error {
		if l.Kind == KindChange {
			lines++
		}
		return nil
	}); err != nil || lines > 0 {
		t.Errorf("%d steps have a line of their own, %v", lines, err)
	}
	var got []inspect.EventKind
	if err := r.open().Replay(func(s Step) error {
		for _, e := range s.Events {
			if e.Kind.Gone() {
				got = append(got, e.Kind)
			}
		}
		return nil
	}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
