package flight

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// thinSome thins some segments, whatever their age, or removes those that were thinned.
func (f *folder) thinSome() error {
	if rand.IntN(3) == 0 {
		return f.removeCovered()
	}
	var group []stored
	for _, s := range f.all[:max(0, len(f.all)-1)] {
		if len(group) > 0 && (s.thinned() || s.keepAsIs || rand.IntN(6) == 0) {
			break
		}
		if !s.thinned() && !s.keepAsIs {
			group = append(group, s)
		}
	}
	if len(group) == 0 || len(f.covered) > 0 {
		return nil
	}
	return f.thinGroup(group)
}

// thinned returns a copy of a recording of which all segments but the last are thinned.
func thinned(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	f, err := openFolder(copied, Limits{Keep: time.Hour, MaxSize: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 * len(f.all) {
		if err := f.thinSome(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.removeCovered(); err != nil {
		t.Fatal(err)
	}
	all, _, err := segments(copied)
	if err != nil || sizeOfAll(all) != f.size {
		t.Fatalf("%d bytes, counted as %d: %v", sizeOfAll(all), f.size, err)
	}
	return copied
}

// sameWhenThinned holds that a recording has the same locks at each time and revision, and
// the same events, after it is thinned.
func sameWhenThinned(t *testing.T, dir string) {
	t.Helper()
	before, err := Open(dir, layout.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	after, err := Open(thinned(t, dir), layout.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d segments are %d now", len(before.segments), len(after.segments))
	revisions, times := map[int64]bool{}, map[time.Time]bool{}
	events := func(r *Recording) (all []Step) {
		lost := ""
		if err := r.Replay(func(s Step) error {
			revisions[s.Revision], times[s.Time] = true, true
			s.Before, s.After = plain(s.Before), plain(s.After)
			if s.Kind == KindFindings || s.Kind == KindLost && s.Error == lost { // each segment begins with them
				return nil
			}
			if s.Kind == KindLost || s.Kind == KindBack {
				lost = s.Error
			}
			s.Events = slices.Clone(s.Events)
			all = append(all, s)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	was, is := events(before), events(after)
	for i := range min(len(was), len(is)) {
		if !reflect.DeepEqual(was[i], is[i]) {
			t.Fatalf("%d: %+v\nwas %+v", i, is[i], was[i])
		}
	}
	if len(was) != len(is) {
		t.Fatalf("%d steps were %d", len(is), len(was))
	}
	sameMoments(t, before, after, revisions, times)
}

// sameMoments is sameWhenThinned for moments.
func sameMoments(t *testing.T, before, after *Recording, revisions map[int64]bool, times map[time.Time]bool) {
	t.Helper()
	same := func(was, is Moment, err, errAfter error) {
		t.Helper()
		was.Leases, was.LookedUp, is.Leases, is.LookedUp = nil, nil, nil, nil
		was.Snapshot, is.Snapshot = plain(was.Snapshot), plain(is.Snapshot)
		if !reflect.DeepEqual(was, is) || (err == nil) != (errAfter == nil) {
			t.Fatalf("%v, %v (-before +after):\n%s", err, errAfter, cmp.Diff(was, is, cmp.AllowUnexported(Moment{})))
		}
	}
	few := max(1, len(revisions)/50)
	for revision := range revisions {
		if revision%int64(few) == 0 {
			was, err := before.Rev(revision)
			is, errAfter := after.Rev(revision)
			same(was, is, err, errAfter)
		}
	}
	for at := range times {
		if rand.IntN(few) == 0 {
			was, err := before.At(at)
			is, errAfter := after.At(at)
			same(was, is, err, errAfter)
		}
	}
	was, err := before.End()
	is, errAfter := after.End()
	same(was, is, err, errAfter)
}

// TestThin: what is left out is not known, and a week in which little happens takes few
// pictures of the locks. The recording is never larger than it may be.
func TestThin(t *testing.T) {
	const maxSize = 400 << 10
	r := newRecorder(t, Options{Limits: Limits{Keep: 7 * 24 * time.Hour, MaxSize: maxSize}})
	problem := []Finding{{Kind: "dead holder", Severity: "critical", Text: "x", Locks: []Text{"/a"}}}
	r.record(1)
	for minute := range int64(2 * 24 * 60) {
		r.Leases(map[int64]inspect.Lease{7: {State: inspect.LeaseAlive, Granted: 10, Remaining: 8}})
		if minute%300 == 0 {
			r.record(2 + minute/300)
		}
		if minute == 1000 {
			r.Findings(problem)
		}
		r.folder.rest = min(r.folder.rest, 1) // a minute has more ticks
		r.Tick()
		r.clock.pass(time.Minute)
		all, covered, err := segments(r.dir)
		if size := sizeOfAll(all) + sizeOfAll(covered); err != nil || size > maxSize || size != r.folder.size {
			t.Fatalf("%d bytes, counted as %d: %v", size, r.folder.size, err)
		}
	}
	o := r.open()
	kinds := map[Kind]int{}
	for _, s := range o.segments {
		if s.head.Through == 0 {
			continue
		}
		if err := scan(s.part, func(l Line) error {
			kinds[l.Kind]++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := kinds[KindSegment]; n == 0 || n > 3*24 || kinds[KindLeases] > 0 || kinds[KindAlive] > n || kinds[KindFindings] > n {
		t.Errorf("lines: %v", kinds)
	}
	m, err := o.At(epoch.Add(1100 * time.Minute))
	check(t, m, err, 2+1100/300)
	if len(m.Leases) > 0 || len(m.Findings) != 1 || len(m.Doubts) > 0 {
		t.Errorf("leases %v, findings %v, doubts %q", m.Leases, m.Findings, m.Doubts)
	}
}

// TestThinnedIsOnce: where segments and what was made of them are both there, as after a
// kill, each is read once, and the next recorder removes what is left over.
func TestThinnedIsOnce(t *testing.T) {
	r := newRecorder(t, Options{})
	for revision := int64(1); revision <= 30; revision++ {
		r.record(revision)
		if revision%4 == 0 {
			r.rotate(CauseAge, nil)
		}
	}
	want := len(r.folder.all)
	if err := r.folder.thinGroup(r.folder.all[:5]); err != nil || len(r.folder.covered) != 5 {
		t.Fatal(err, r.folder.covered)
	}
	if err := os.WriteFile(filepath.Join(r.dir, thinFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		o := r.open()
		if len(o.segments) != want-4 {
			t.Errorf("%d segments, want %d", len(o.segments), want-4)
		}
		for revision := int64(1); revision <= 30; revision++ {
			m, err := o.Rev(revision)
			if check(t, m, err, revision); len(m.Doubts) > 0 {
				t.Errorf("%q", m.Doubts)
			}
		}
		r.kill()
		r.start()
	}
	files, err := os.ReadDir(r.dir)
	if err != nil || len(files) != want-4+1 { // and what locks the folder
		t.Errorf("%d files: %v", len(files), err)
	}
}

// TestNotThinner: segments that cannot be made smaller are kept as they are.
func TestNotThinner(t *testing.T) {
	r := newRecorder(t, Options{})
	r.record(1)
	r.rotate(CauseAge, nil)
	small := r.folder.all[0]
	small.size = 100 // as if it were
	if err := r.folder.thinGroup([]stored{small}); err != nil {
		t.Fatal(err)
	}
	if s := r.folder.all[0]; s.thinned() || !s.keepAsIs || len(r.folder.covered) > 0 {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(r.dir, thinFile)); !os.IsNotExist(err) {
		t.Error("the file of the attempt is left: ", err)
	}
}

// TestDamagedIsNotThinned: a segment that is damaged stays as it is, and its neighbours are
// thinned without it.
func TestDamagedIsNotThinned(t *testing.T) {
	r := newRecorder(t, Options{})
	for revision := int64(1); revision <= 30; revision++ {
		r.record(revision)
		if revision%5 == 0 {
			r.rotate(CauseAge, nil)
		}
	}
	damaged := r.folder.all[2]
	if err := os.Truncate(damaged.path, damaged.size-9); err != nil {
		t.Fatal(err)
	}
	r.kill()
	r.start()
	sameWhenThinned(t, r.dir)
	if err := r.folder.thinGroup(r.folder.all[:5]); err != nil || !r.folder.all[2].keepAsIs || len(r.folder.covered) > 0 {
		t.Error(err, r.folder.all)
	}
}
