package flight

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// export exports a recording, and returns the file's contents and what it records.
func export(t *testing.T, from *Recording, o ExportOptions) ([]byte, *Recording) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ticket.jsonl.zst")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(from.Export(f, o), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	to, err := Open(path, layout.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	decoder, _ := zstd.NewReader(nil)
	defer decoder.Close()
	b, err = decoder.DecodeAll(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, to
}

// exported records locks with gaps and damage, and locks as programs use them.
func exported(t *testing.T) (r *recorderT, revisions []int64) {
	t.Helper()
	r = newRecorder(t, Options{})
	for revision := int64(1); revision <= 40; revision++ {
		r.record(revision)
		switch revision {
		case 10, 20:
			r.rotate(CauseAge, nil)
		case 30:
			r.kill()
			r.clock.pass(time.Hour)
			r.start()
		case 35:
			r.Update(inspect.Update{Snapshot: locksAt(35), Err: errors.New("no answer from db.example.com")})
			r.Findings([]Finding{{Kind: "deadlock", Severity: "critical", Text: "/secret/1 is stuck", Locks: []Text{"/secret/1"}}})
			r.Leases(map[int64]inspect.Lease{77: {State: inspect.LeaseAlive, Granted: time.Minute, Lacks: []string{"/secret/1"}}})
		}
		revisions = append(revisions, revision)
	}
	b := newBusy(10, 4, false)
	b.revision = 100
	r.Update(inspect.Update{Snapshot: inspect.Snapshot{Revision: 100, Locks: []inspect.Lock{}}})
	for range 3 {
		u := b.update(r.clock.wall)
		r.clock.pass(time.Second)
		r.Update(u)
		r.Tick()
		revisions = append(revisions, u.Snapshot.Revision-200, u.Snapshot.Revision)
	}
	return r, revisions
}

func TestExport(t *testing.T) {
	r, revisions := exported(t)
	path := r.open().segments[1].path
	info, _ := os.Stat(path)
	if err := os.Truncate(path, info.Size()*2/3); err != nil {
		t.Fatal(err)
	}
	from := r.open()
	_, to := export(t, from, ExportOptions{})
	for _, revision := range revisions {
		want, err := from.Rev(revision)
		if err != nil {
			t.Fatal(err)
		}
		got, err := to.Rev(revision)
		if err != nil || !reflect.DeepEqual(want.Snapshot, got.Snapshot) || len(want.Doubts) > 0 && got.Snapshot.Revision != revision && len(got.Doubts) == 0 || !reflect.DeepEqual(want.Leases, got.Leases) || !reflect.DeepEqual(want.Findings, got.Findings) {
			t.Fatalf("revision %d: %v, doubts %q, want %q\n%s", revision, err, got.Doubts, want.Doubts, cmp.Diff(want.Snapshot.Locks, got.Snapshot.Locks))
		}
	}
}

// TestExportPart: a part has what it is asked for, as it was.
func TestExportPart(t *testing.T) {
	r, _ := exported(t)
	from := r.open()
	end, err := from.End()
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []time.Time{epoch.Add(-time.Hour), epoch.Add(5 * time.Second), epoch.Add(25 * time.Second), end.Time.Add(-2500 * time.Millisecond), end.Time.Add(-300 * time.Millisecond), end.Time} {
		for _, d := range []time.Duration{0, 3 * time.Second, time.Hour} {
			_, to := export(t, from, ExportOptions{From: first, To: first.Add(d)})
			for at := first; !at.After(first.Add(d)) && !at.After(end.Time); at = at.Add(d/5 + 100*time.Millisecond) {
				want, err := from.At(at)
				if errors.Is(err, ErrNotRecorded) {
					continue
				}
				got, err := to.At(at)
				if err != nil || !reflect.DeepEqual(want.Snapshot, got.Snapshot) {
					t.Fatalf("from %v for %v, at %v: revision %d, want %d, %v", first, d, at, got.Snapshot.Revision, want.Snapshot.Revision, err)
				}
			}
		}
	}
}

// TestAnonymized: nothing that names anything is left, and all else is.
func TestAnonymized(t *testing.T) {
	r, revisions := exported(t)
	from := r.open()
	text, to := export(t, from, ExportOptions{Anonymize: true})
	for _, name := range []string{"secret", "orders", "worker", "db.example.com", "quoted", "stuck", "/d/e", "a<b>"} {
		if bytes.Contains(text, []byte(name)) {
			t.Errorf("%q is left", name)
		}
	}
	for _, revision := range revisions {
		want, err := from.Rev(revision)
		if err != nil {
			t.Fatal(err)
		}
		got, err := to.Rev(revision)
		if err != nil || !reflect.DeepEqual(shape(want.Snapshot), shape(got.Snapshot)) {
			t.Fatalf("revision %d: %v\n%s", revision, err, cmp.Diff(shape(want.Snapshot), shape(got.Snapshot)))
		}
	}
	var events [2]int
	end, err := from.End()
	for _, l := range end.Snapshot.Locks {
		for _, r := range l.Queue {
			if bytes.Contains(text, []byte(r.Key[max(0, len(r.Key)-uuidLength):])) || err != nil {
				t.Errorf("%q is left: %v", r.Key, err)
			}
		}
	}
	for i, r := range []*Recording{from, to} {
		if err := r.Replay(func(s Step) error {
			events[i] += len(s.Events)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if events[0] != events[1] || events[0] == 0 {
		t.Errorf("%d events, of %d", events[1], events[0])
	}
}

// shape returns what an anonymized snapshot keeps, whatever the order of the locks.
func shape(s inspect.Snapshot) map[string]int {
	all := map[string]int{}
	for _, l := range s.Locks {
		text := fmt.Sprint(l.ID.Layout, strings.Count(l.ID.Name, "/"), len(l.Others), l.MoreOthers, len(l.Candidates))
		var requests []string
		for _, r := range l.Queue {
			requests = append(requests, fmt.Sprint(r.Lease, r.Revision, r.Modified, r.Mode, r.Holding, r.Owner.Value().PID, r.Since, r.Seen, strings.Count(r.Key, "/")))
		}
		slices.Sort(requests) // those of one revision are ordered by their keys
		all[text+strings.Join(requests, ",")]++
	}
	return all
}

func TestPseudonyms(t *testing.T) {
	p := newPseudonyms()
	for _, test := range [][2]Text{
		{"/orders/123", "/n1/001"},
		{"/orders/456/x", "/n1/002/n2"},
		{"/orders", "/n1"},
		{"/o/de305d54-75b4-431b-adb2-eb6b9e546014", "/n3/00000000-0000-4000-8000-000000000001"},
		{"/o/37e4a22219a3be07", "/n3/00000000a0000001"},
		{"/order-123/write/x.y", "/n4-001/write/n2.n5"},
		{"", ""},
	} {
		if got := p.path(test[0]); got != test[1] {
			t.Errorf("%s: %s, want %s", test[0], got, test[1])
		}
	}
	l := Line{
		Lock:   &LockChange{Name: "/jobs/a", Put: []Request{{Key: "/jobs/a:x"}, {Key: "/jobs/a/write/1"}}},
		Leases: []Lease{{Lacks: []Text{"/jobs/a:x", "/jobs/a/write/1"}}},
	}
	p.line(&l)
	for i, lacks := range l.Leases[0].Lacks {
		if key := l.Lock.Put[i].Key; lacks != key || strings.Contains(string(key), "jobs") {
			t.Errorf("a lease lacks %q, the request is %q", lacks, key)
		}
	}
	if a, b := p.word("host", "h1"), p.word("host", "h2"); a != "host-1" || b != "host-2" || p.word("label", "h1") != a {
		t.Errorf("%s, %s", a, b)
	}
}
