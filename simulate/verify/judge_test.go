package verify

import (
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
)

const (
	r = rwlock.Read
	w = rwlock.Write
)

// held is a hold on one lock, from acquired to given up, in moments that stand
// for times. Its token is also the revision of its request.
func held(client string, mode rwlock.Mode, token int64, asked, granted, end time.Duration) Hold {
	return Hold{
		Client: client, Lock: "/n",
		Stages: []Stage{{Mode: mode, Token: token, Asked: asked, Granted: granted}},
		End:    end, Released: end + 1, Known: end,
	}
}

// permits is a hold of a semaphore, as held makes it.
func permits(client string, weight, of int, token int64, asked, granted, end time.Duration) Hold {
	h := held(client, rwlock.Slot, token, asked, granted, end)
	h.Stages[0].Weight, h.Stages[0].Permits = weight, of
	return h
}

// then adds a stage, which begins between 3 and 4.
func (h Hold) then(mode rwlock.Mode, token int64) Hold {
	h.Stages = append(h.Stages, Stage{Mode: mode, Token: token, Asked: 3, Granted: 4})
	return h
}

// lostAt ends the hold unconfirmed, and the client learns of it at known.
func (h Hold) lostAt(end, known time.Duration) Hold {
	h.End, h.Released, h.Known = end, 0, known
	return h
}

// on moves the hold to another lock.
func (h Hold) on(lock string) Hold {
	h.Lock = lock
	return h
}

// puts and gone make a history of etcd's: keys are named by mode and id. Its
// times are its revisions.
func puts(rev int64, keys ...string) []Change {
	var changes []Change
	for _, k := range keys {
		changes = append(changes, Change{Revision: rev, Key: "/n/" + k, Put: true, Create: rev, Lease: rev, At: time.Duration(rev)})
	}
	return changes
}

func gone(rev int64, keys ...string) []Change {
	var changes []Change
	for _, k := range keys {
		changes = append(changes, Change{Revision: rev, Key: "/n/" + k, At: time.Duration(rev)})
	}
	return changes
}

// slots puts requests for permits of a semaphore.
func slots(rev int64, weight, permits int, keys ...string) []Change {
	changes := puts(rev, keys...)
	for i := range changes {
		changes[i].Weight, changes[i].Permits = weight, permits
	}
	return changes
}

func seq(parts ...[]Change) []Change {
	var all []Change
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// newJudge is a judge before it has judged anything.
func newJudge(seen Seen, history History, opts Options) *judge {
	if opts.Limit == 0 {
		opts.Limit = time.Minute
	}
	return &judge{
		Seen: seen, opts: opts,
		fold:     newFold(history, upgradesOf(seen.Holds), opts.Exclusive),
		reported: map[[2]int]bool{},
	}
}

// flags fails the test unless something in v is of that kind and contains want
// or, if the kind is empty, v holds nothing.
func flags(t *testing.T, v Verdict, kind Kind, want string) {
	t.Helper()
	var all []string
	found := kind == "" && len(v.Violations) == 0
	for _, x := range v.Violations {
		all = append(all, string(x.Kind)+": "+x.Text)
		found = found || kind != "" && x.Kind == kind && strings.Contains(x.Text, want)
	}
	if !found {
		t.Errorf("found %q, want %q %q", strings.Join(all, "\n"), kind, want)
	}
}

// The model must let pass what a lock can do, and nothing else.
func TestTheModel(t *testing.T) {
	tests := []struct {
		name  string
		holds []Hold
		want  Kind
	}{
		{"one after another", []Hold{held("a", w, 1, 0, 1, 5), held("b", w, 2, 1, 7, 9)}, ""},
		{"readers share", []Hold{held("a", r, 1, 0, 1, 5), held("b", r, 2, 1, 2, 9)}, ""},
		{"permits suffice", []Hold{permits("a", 2, 3, 1, 0, 1, 5), permits("b", 1, 3, 2, 1, 2, 9), permits("c", 2, 3, 3, 2, 6, 9)}, ""},
		{"permits of two semaphores", []Hold{permits("a", 2, 3, 1, 0, 1, 5), permits("b", 2, 3, 2, 1, 2, 9).on("/m")}, ""},
		{"two that take too many permits", []Hold{permits("a", 2, 3, 1, 0, 1, 5), permits("b", 2, 3, 2, 1, 3, 9)}, Overlap},
		{"three that take too many permits", []Hold{permits("a", 1, 2, 1, 0, 1, 5), permits("b", 1, 2, 2, 1, 2, 9), permits("c", 1, 2, 3, 2, 4, 9)}, Overlap},
		{"fewer permits than another was told", []Hold{permits("a", 1, 3, 1, 0, 1, 5), permits("b", 1, 3, 2, 1, 2, 9), permits("c", 1, 2, 3, 2, 4, 9)}, Overlap},
		{"two names", []Hold{held("a", w, 1, 0, 1, 5), held("b", w, 2, 3, 4, 9).on("/m")}, ""},
		{"two writers", []Hold{held("a", w, 1, 0, 1, 5), held("b", w, 2, 1, 3, 9)}, Overlap},
		{"reader beside a writer", []Hold{held("a", w, 1, 0, 1, 5), held("b", r, 2, 1, 3, 9)}, Overlap},
		{"writer beside a reader", []Hold{held("a", r, 1, 0, 1, 5), held("b", w, 2, 1, 3, 9)}, Overlap},
		{"after it was at rest", []Hold{held("a", w, 1, 0, 1, 2), held("b", w, 2, 10, 11, 15), held("c", r, 3, 12, 13, 14)}, Overlap},
		{"the next after a loss", []Hold{held("a", w, 1, 0, 1, 0).lostAt(5, 6), held("b", w, 2, 1, 6, 9)}, ""},
		{"the next before a loss was known", []Hold{held("a", w, 1, 0, 1, 0).lostAt(5, 6), held("b", w, 2, 1, 4, 9)}, Overlap},
		{"lost before it was known to be acquired", []Hold{held("a", w, 1, 0, 5, 0).lostAt(3, 6), held("b", w, 2, 1, 4, 9)}, ""},
		{"dead all the time that it waited", []Hold{held("a", w, 1, 0, 1, 20), held("b", w, 2, 5, 9, 0).lostAt(7, 10)}, Overlap},
		{"no moment for the dead", []Hold{held("a", r, 1, 0, 1, 6), held("b", r, 2, 1, 5, 12), held("c", w, 3, 2, 10, 0).lostAt(3, 11)}, Overlap},
		{"upgraded alone", []Hold{held("a", r, 1, 0, 1, 9).then(w, 2), held("b", r, 3, 2, 10, 12)}, ""},
		{"upgraded beside a reader", []Hold{held("a", r, 1, 0, 1, 9).then(w, 2), held("b", r, 3, 1, 2, 6)}, Overlap},
		{"reader after a downgrade", []Hold{held("a", w, 1, 0, 1, 9).then(r, 1), held("b", r, 3, 2, 5, 6)}, ""},
		{"writer after a downgrade", []Hold{held("a", w, 1, 0, 1, 9).then(r, 1), held("b", w, 3, 2, 5, 6)}, Overlap},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge(Seen{Holds: tt.holds}, History{}, Options{})
			j.checkModel()
			flags(t, j.verdict, tt.want, "")
		})
	}
}

// The fold must refuse grants that the history does not make.
func TestTheHistory(t *testing.T) {
	given := func(mode rwlock.Mode, token int64) Hold { return held("c", mode, token, 0, 1, 2) }
	upgraded := given(r, 1).then(w, 2)
	rewritten := Change{Revision: 2, Key: "/n/write/a", Put: true, Create: 1}
	const never = "never held the lock"
	tests := []struct {
		name    string
		changes []Change
		holds   []Hold
		kind    Kind
		want    string
	}{
		{"writer after writer", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/a"), gone(4, "write/b")),
			[]Hold{given(w, 1), given(w, 2)}, "", ""},
		{"readers share", seq(puts(1, "read/a"), puts(2, "read/b"), gone(3, "read/a", "read/b")), []Hold{given(r, 1), given(r, 2)}, "", ""},
		{"writer went while it waited", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/b"), gone(4, "write/a")),
			[]Hold{given(w, 1), given(w, 2)}, Unfair, "session 0000000000000001 was ahead of it to write, token 1"},
		{"told when it was gone", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/b"), gone(4, "write/a")),
			[]Hold{held("c", w, 2, 2, 5, 6)}, Stale, "gone at 0.000s, revision 3"},
		{"writer went with its blocker", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/a", "write/b")),
			[]Hold{given(w, 2)}, Unfair, never},
		{"reader beside a writer", seq(puts(1, "write/a"), puts(2, "read/b"), gone(3, "read/b"), gone(4, "write/a")),
			[]Hold{given(w, 1), given(r, 2)}, Unfair, never},
		{"writer beside a reader", seq(puts(1, "read/a"), puts(2, "write/b"), gone(3, "write/b"), gone(4, "read/a")), []Hold{given(w, 2)}, Unfair, never},
		{"never asked", seq(puts(1, "write/a"), gone(2, "write/a")), []Hold{given(w, 2)}, Phantom, "no request has that token"},
		{"no token", nil, []Hold{given(w, 0)}, "", ""},
		{"nested below", seq(puts(1, "write/a/write/x"), puts(2, "write/b"), gone(3, "write/a/write/x", "write/b")), []Hold{given(w, 2)}, "", ""},
		{"upgraded alone", seq(puts(1, "read/a"), puts(2, "write/a"), gone(3, "read/a", "write/a")), []Hold{upgraded}, "", ""},
		{"upgraded beside a writer that waits", seq(puts(1, "read/a", "write/b"), puts(2, "write/a"), gone(3, "read/a", "write/a", "write/b")),
			[]Hold{upgraded}, Stale, never},
		{"a gap", seq(puts(1, "write/a"), gone(3, "write/a")), nil, Contradiction, "gap"},
		{"written twice", seq(puts(1, "write/a"), []Change{rewritten}, gone(3, "write/a")), nil, Contradiction, "written twice"},
		{"deleted twice", seq(puts(1, "read/a"), gone(2, "read/a"), gone(3, "read/a")), nil, Contradiction, "did not exist"},
		{"left", puts(1, "write/a"), nil, LeftBehind, `"/n/write/a" is left behind: put at 0.000s, revision 1, by session 0000000000000001`},
		{"another key left", puts(1, "config"), nil, LeftBehind, "/n/config"},
		{"permits suffice", seq(slots(1, 1, 3, "slot/a"), slots(2, 2, 3, "slot/b"), gone(3, "slot/a", "slot/b")), []Hold{permits("c", 1, 3, 1, 0, 1, 2), permits("d", 2, 3, 2, 0, 2, 3)}, "", ""},
		{"a small one overtakes a large one", seq(slots(1, 2, 3, "slot/a"), slots(2, 2, 3, "slot/b"), slots(3, 1, 3, "slot/c"), gone(4, "slot/c"), gone(5, "slot/a", "slot/b")),
			[]Hold{permits("c", 1, 3, 3, 0, 3, 4)}, Unfair, "for 1 of 3 permits with token 3 at 0.000s, but its request never held the lock: session 0000000000000001 was ahead of it for 2 of 3 permits, token 1"},
		{"as many as another was told", seq(slots(1, 1, 3, "slot/a"), slots(2, 1, 1, "slot/b"), gone(3, "slot/b"), gone(4, "slot/a")), []Hold{permits("c", 1, 1, 2, 0, 3, 4)}, Stale, never},
		{"no request for permits", seq(puts(1, "slot/a"), gone(2, "slot/a")), nil, "", ""},
		{"a slot left", slots(1, 1, 2, "slot/a"), nil, LeftBehind, "/n/slot/a"},
		{"a mutex", seq(puts(1, "read/1"), gone(2, "read/1")), nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge(Seen{Holds: tt.holds}, History{Changes: tt.changes}, Options{Exclusive: true})
			j.checkGrants()
			j.checkRest(0)
			flags(t, j.verdict, tt.kind, tt.want)
		})
	}
}

// What was there before, and what others do, is nobody's fault here; but it is
// in the way like anything else.
func TestOthersKeys(t *testing.T) {
	history := History{Since: 5, Before: puts(3, "write/old"), Changes: seq(puts(7, "write/b"), puts(9, "read/x"))}
	sessions := map[int64]string{7: "b"}
	j := newJudge(Seen{Sessions: sessions}, history, Options{})
	j.checkRest(history.Since)
	flags(t, j.verdict, LeftBehind, "revision 7, by b")
	if len(j.verdict.Violations) != 1 {
		t.Errorf("%d violations, want what is left of the session alone", len(j.verdict.Violations))
	}
	early := held("b", w, 7, 6, 8, 9)
	flags(t, Judge(Seen{Holds: []Hold{early}, Sessions: sessions}, history, Options{}), Unfair, "session 0000000000000003 was ahead of it to write, token 3")
}

// The fold cannot let two hold at once; the check behind it must not rely on that.
func TestTheTenures(t *testing.T) {
	tenureOf := func(hold int, key string, from, to int64) tenure {
		f := newFold(History{Since: from - 1, Changes: puts(from, key)}, nil, true)
		r := f.byKey["/n/"+key]
		r.gone = to
		return tenure{hold: hold, request: r}
	}
	permitsOf := func(t tenure, weight int) tenure {
		t.Mode, t.weight, t.permits = rwlock.Slot, weight, 3
		return t
	}
	tests := []struct {
		name string
		a, b tenure
		want Kind
	}{
		{"writers in turn", tenureOf(1, "write/a", 1, 3), tenureOf(2, "write/b", 3, 4), ""},
		{"readers at once", tenureOf(1, "read/a", 1, 3), tenureOf(2, "read/b", 2, 4), ""},
		{"one's own", tenureOf(1, "read/a", 1, 3), tenureOf(1, "write/a", 2, 4), ""},
		{"writers at once", tenureOf(1, "write/a", 1, 3), tenureOf(2, "write/b", 2, 4), Contradiction},
		{"permits that suffice", permitsOf(tenureOf(1, "write/a", 1, 3), 1), permitsOf(tenureOf(2, "write/b", 2, 4), 2), ""},
		{"more permits than there are", permitsOf(tenureOf(1, "write/a", 1, 3), 2), permitsOf(tenureOf(2, "write/b", 2, 4), 2), Contradiction},
		{"reader beside a writer", tenureOf(1, "write/a", 1, 0), tenureOf(2, "read/b", 9, 0), Contradiction},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge(Seen{Holds: make([]Hold, 3)}, History{}, Options{})
			j.checkTenures([]tenure{tt.b, tt.a})
			flags(t, j.verdict, tt.want, "")
		})
	}
}

// Where a client learns late that its hold has ended, a token must tell.
func TestTheTokens(t *testing.T) {
	late := func(token int64) Hold { return held("a", w, token, 0, 1, 0).lostAt(5, 20) }
	tests := []struct {
		name   string
		holds  []Hold
		want   Kind
		fenced int
	}{
		{"in turn", []Hold{held("a", w, 2, 0, 1, 5), held("b", w, 1, 0, 7, 9)}, "", 0},
		{"fenced", []Hold{late(1), held("b", w, 2, 0, 7, 9)}, "", 1},
		{"fenced from several", []Hold{late(1), held("b", r, 2, 0, 7, 9), held("c", r, 3, 0, 7, 9)}, "", 1},
		{"not fenced", []Hold{late(2), held("b", w, 1, 0, 7, 9)}, Unfenced, 0},
		{"without tokens", []Hold{late(0), held("b", w, 0, 0, 7, 9)}, Unfenced, 0},
		{"readers need no token", []Hold{held("a", r, 2, 0, 1, 5), held("b", r, 1, 0, 2, 9)}, "", 0},
		{"dead when it arrived", []Hold{held("a", w, 2, 0, 1, 9), held("b", w, 1, 0, 5, 0).lostAt(4, 6)}, "", 0},
		{"no fence for what is claimed", []Hold{held("a", w, 1, 0, 1, 9), held("b", w, 2, 0, 5, 12)}, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge(Seen{Holds: tt.holds}, History{}, Options{})
			j.checkTokens()
			flags(t, j.verdict, tt.want, "")
			if n := len(j.verdict.Fenced); n != tt.fenced {
				t.Errorf("%d fenced, want %d", n, tt.fenced)
			}
		})
	}
}

// Whoever asked first is served first.
func TestTheOrder(t *testing.T) {
	tests := []struct {
		name  string
		holds []Hold
		want  Kind
	}{
		{"in order", []Hold{held("a", w, 1, 0, 1, 5), held("b", w, 2, 1, 7, 9)}, ""},
		{"writers out of order", []Hold{held("a", w, 2, 0, 1, 5), held("b", w, 1, 0, 7, 9)}, Unfair},
		{"reader after a later writer", []Hold{held("a", w, 2, 0, 1, 5), held("b", r, 1, 0, 7, 9)}, Unfair},
		{"writer after later readers", []Hold{held("a", r, 3, 0, 1, 5), held("b", r, 2, 0, 1, 5), held("c", w, 1, 0, 7, 9)}, Unfair},
		{"readers in any order", []Hold{held("a", r, 2, 0, 1, 5), held("b", r, 1, 0, 7, 9)}, ""},
		{"permits that fit in any order", []Hold{permits("a", 1, 3, 2, 0, 1, 5), permits("b", 2, 3, 1, 0, 7, 9)}, ""},
		{"permits that do not fit out of order", []Hold{permits("a", 2, 3, 2, 0, 1, 5), permits("b", 2, 3, 1, 0, 7, 9)}, Unfair},
		{"dead when it arrived", []Hold{held("a", w, 2, 0, 1, 5), held("b", w, 1, 0, 7, 0).lostAt(6, 8)}, ""},
		{"without tokens", []Hold{held("a", w, 2, 0, 1, 5), held("b", w, 0, 0, 7, 9)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJudge(Seen{Holds: tt.holds}, History{}, Options{})
			j.checkOrder()
			flags(t, j.verdict, tt.want, "")
		})
	}
}

// Who has a lock must be told, and nobody who has not.
func TestTheTold(t *testing.T) {
	queue := seq(puts(1, "write/a"), puts(2, "write/b"), gone(5, "write/a"), gone(30, "write/b"))
	wait := func(ended time.Duration) []Wait {
		return []Wait{{Client: "b", Lock: "/n", Mode: w, Lease: 2, Asked: 2, Ended: ended}}
	}
	both := seq(puts(1, "write/a"), []Change{
		{Revision: 2, Key: "/n/write/b", Put: true, Create: 2, Lease: 2, At: 2},
		{Revision: 2, Key: "/m/write/b", Put: true, Create: 2, Lease: 2, At: 2},
	}, gone(30, "write/a", "write/b"), []Change{{Revision: 31, Key: "/m/write/b", At: 31}})
	tests := []struct {
		name    string
		changes []Change
		seen    Seen
		want    Kind
	}{
		{"a lost wake-up", queue, Seen{Waits: wait(29)}, NotNotified},
		{"gave up in time", queue, Seen{Waits: wait(14)}, ""},
		{"somebody else's request", queue, Seen{Waits: []Wait{{Client: "c", Lock: "/n", Mode: w, Lease: 3, Asked: 2, Ended: 29}}}, ""},
		{"an earlier request", queue, Seen{Waits: []Wait{{Client: "b", Lock: "/n", Mode: w, Lease: 2, Asked: 3, Ended: 29}}}, ""},
		{"told", queue, Seen{Holds: []Hold{held("b", w, 2, 2, 6, 29)}}, ""},
		{"told too early", queue, Seen{Holds: []Hold{held("b", w, 2, -9, -6, 29)}}, Unfair},
		{"one of two", both, Seen{Waits: []Wait{{Client: "b", Lock: "/m", Mode: w, Lease: 2, Asked: 2, Ended: 29}}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flags(t, Judge(tt.seen, History{Changes: tt.changes}, Options{Slack: 10}), tt.want, "")
		})
	}
}
