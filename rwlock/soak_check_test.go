package rwlock_test

import (
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
)

// hold is a grant on one name, from acquired to given up, in moments that stand
// for times. Its token is also the revision of its request.
func hold(id int, mode rwlock.Mode, token, call, ret, end int64) *grant {
	return &grant{
		client: id, hold: id, name: "/n",
		stages: []stage{{mode: mode, token: token, call: call, ret: ret}},
		end:    end, over: end + 1, known: end,
	}
}

// then adds a stage, which begins between 3 and 4.
func (g *grant) then(mode rwlock.Mode, token int64) *grant {
	g.stages = append(g.stages, stage{mode: mode, token: token, call: 3, ret: 4})
	return g
}

// lostAt ends the hold unconfirmed, and the client learns of it at known.
func (g *grant) lostAt(end, known int64) *grant {
	g.end, g.over, g.known = end, 0, known
	return g
}

// flags fails the test unless something in t contains want or, if that is
// empty, t holds nothing.
func flags(t *testing.T, found *tally, want string) {
	t.Helper()
	all := strings.Join(found.violations, "\n")
	if want == "" && all != "" {
		t.Errorf("flagged: %s", all)
	}
	if !strings.Contains(all, want) {
		t.Errorf("flagged %q, want %q", all, want)
	}
}

// The model must let pass what a lock can do, and nothing else.
func TestTheModel(t *testing.T) {
	const r, w = rwlock.Read, rwlock.Write
	const illegal = "not one of a read/write lock"
	elsewhere := hold(2, w, 2, 3, 4, 9)
	elsewhere.name = "/m"
	tests := []struct {
		name   string
		grants []*grant
		want   string
	}{
		{"one after another", []*grant{hold(1, w, 1, 0, 1, 5), hold(2, w, 2, 1, 7, 9)}, ""},
		{"readers share", []*grant{hold(1, r, 1, 0, 1, 5), hold(2, r, 2, 1, 2, 9)}, ""},
		{"two names", []*grant{hold(1, w, 1, 0, 1, 5), elsewhere}, ""},
		{"two writers", []*grant{hold(1, w, 1, 0, 1, 5), hold(2, w, 2, 1, 3, 9)}, illegal},
		{"reader beside a writer", []*grant{hold(1, w, 1, 0, 1, 5), hold(2, r, 2, 1, 3, 9)}, illegal},
		{"writer beside a reader", []*grant{hold(1, r, 1, 0, 1, 5), hold(2, w, 2, 1, 3, 9)}, illegal},
		{"after it was at rest", []*grant{hold(1, w, 1, 0, 1, 2), hold(2, w, 2, 10, 11, 15), hold(3, r, 3, 12, 13, 14)}, illegal},
		{"the next after a loss", []*grant{hold(1, w, 1, 0, 1, 0).lostAt(5, 6), hold(2, w, 2, 1, 6, 9)}, ""},
		{"the next before a loss was known", []*grant{hold(1, w, 1, 0, 1, 0).lostAt(5, 6), hold(2, w, 2, 1, 4, 9)}, illegal},
		{"lost before it was known to be acquired", []*grant{hold(1, w, 1, 0, 5, 0).lostAt(3, 6), hold(2, w, 2, 1, 4, 9)}, ""},
		{"upgraded alone", []*grant{hold(1, r, 1, 0, 1, 9).then(w, 2), hold(2, r, 3, 2, 10, 12)}, ""},
		{"upgraded beside a reader", []*grant{hold(1, r, 1, 0, 1, 9).then(w, 2), hold(2, r, 3, 1, 2, 6)}, illegal},
		{"reader after a downgrade", []*grant{hold(1, w, 1, 0, 1, 9).then(r, 1), hold(2, r, 3, 2, 5, 6)}, ""},
		{"writer after a downgrade", []*grant{hold(1, w, 1, 0, 1, 9).then(r, 1), hold(2, w, 3, 2, 5, 6)}, illegal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := newTally()
			checkModel(found, tt.grants, time.Minute, t.TempDir)
			flags(t, found, tt.want)
		})
	}
}

// puts and gone make a history of etcd's: keys are named by mode and id.
func puts(rev int64, keys ...string) []change {
	var changes []change
	for _, k := range keys {
		changes = append(changes, change{rev: rev, key: "/n/" + k, put: true, create: rev})
	}
	return changes
}

func gone(rev int64, keys ...string) []change {
	var changes []change
	for _, k := range keys {
		changes = append(changes, change{rev: rev, key: "/n/" + k})
	}
	return changes
}

// The fold must refuse grants that the history does not make.
func TestTheHistory(t *testing.T) {
	const r, w = rwlock.Read, rwlock.Write
	given := func(mode rwlock.Mode, token int64) *grant { return hold(int(token), mode, token, 0, 1, 2) }
	seq := func(parts ...[]change) []change {
		var all []change
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	upgraded := given(r, 1).then(w, 2)
	rewritten := change{rev: 2, key: "/n/write/a", put: true, create: 1}
	tests := []struct {
		name    string
		changes []change
		grants  []*grant
		want    string
	}{
		{"writer after writer", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/a"), gone(4, "write/b")),
			[]*grant{given(w, 1), given(w, 2)}, ""},
		{"readers share", seq(puts(1, "read/a"), puts(2, "read/b"), gone(3, "read/a", "read/b")), []*grant{given(r, 1), given(r, 2)}, ""},
		{"writer went while it waited", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/b"), gone(4, "write/a")),
			[]*grant{given(w, 1), given(w, 2)}, "never came to hold"},
		{"writer went with its blocker", seq(puts(1, "write/a"), puts(2, "write/b"), gone(3, "write/a", "write/b")),
			[]*grant{given(w, 2)}, "never came to hold"},
		{"reader beside a writer", seq(puts(1, "write/a"), puts(2, "read/b"), gone(3, "read/b"), gone(4, "write/a")),
			[]*grant{given(w, 1), given(r, 2)}, "never came to hold"},
		{"writer beside a reader", seq(puts(1, "read/a"), puts(2, "write/b"), gone(3, "write/b")), []*grant{given(w, 2)}, "never came to hold"},
		{"never asked", puts(1, "write/a"), []*grant{given(w, 2)}, "never asked for"},
		{"nested below", seq(puts(1, "write/a/write/x"), puts(2, "write/b")), []*grant{given(w, 2)}, ""},
		{"upgraded alone", seq(puts(1, "read/a"), puts(2, "write/a"), gone(3, "read/a", "write/a")), []*grant{upgraded}, ""},
		{"upgraded beside a writer that waits", seq(puts(1, "read/a", "write/b"), puts(2, "write/a"), gone(3, "read/a", "write/a")),
			[]*grant{upgraded}, "never came to hold"},
		{"a gap", seq(puts(1, "write/a"), gone(3, "write/a")), nil, "gap"},
		{"written twice", append(puts(1, "write/a"), rewritten), nil, "written twice"},
		{"deleted twice", seq(puts(1, "read/a"), gone(2, "read/a"), gone(3, "read/a")), nil, "was not there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := newTally()
			checkHistory(found, 0, tt.changes, tt.grants)
			flags(t, found, tt.want)
		})
	}
}

// The fold cannot let two hold at once; the check behind it must not rely on that.
func TestTheTenures(t *testing.T) {
	tenureOf := func(hold int, key string, from, to int64) tenure {
		f := newFold(from-1, puts(from, key), nil)
		r := f.byKey["/n/"+key]
		r.gone = to
		return tenure{hold: hold, request: r}
	}
	tests := []struct {
		name string
		a, b tenure
		want string
	}{
		{"writers in turn", tenureOf(1, "write/a", 1, 3), tenureOf(2, "write/b", 3, 4), ""},
		{"readers at once", tenureOf(1, "read/a", 1, 3), tenureOf(2, "read/b", 2, 4), ""},
		{"one's own", tenureOf(1, "read/a", 1, 3), tenureOf(1, "write/a", 2, 4), ""},
		{"writers at once", tenureOf(1, "write/a", 1, 3), tenureOf(2, "write/b", 2, 4), "two hold"},
		{"reader beside a writer", tenureOf(1, "write/a", 1, 0), tenureOf(2, "read/b", 9, 0), "two hold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := newTally()
			checkTenures(found, []tenure{tt.b, tt.a})
			flags(t, found, tt.want)
		})
	}
}

// Where a client learns late that its hold has ended, a token must tell.
func TestTheTokens(t *testing.T) {
	const r, w = rwlock.Read, rwlock.Write
	late := func(token int64) *grant { return hold(1, w, token, 0, 1, 0).lostAt(5, 20) }
	tests := []struct {
		name   string
		grants []*grant
		want   string
		fenced int
	}{
		{"in turn", []*grant{hold(1, w, 2, 0, 1, 5), hold(2, w, 1, 0, 7, 9)}, "", 0},
		{"fenced", []*grant{late(1), hold(2, w, 2, 0, 7, 9)}, "", 1},
		{"not fenced", []*grant{late(2), hold(2, w, 1, 0, 7, 9)}, "not larger", 1},
		{"readers need no token", []*grant{hold(1, r, 2, 0, 1, 5), hold(2, r, 1, 0, 2, 9)}, "", 0},
		{"dead when it arrived", []*grant{hold(1, w, 2, 0, 1, 9), hold(2, w, 1, 0, 5, 0).lostAt(4, 6)}, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := newTally()
			checkTokens(found, tt.grants)
			flags(t, found, tt.want)
			if n := found.counts[fencedOverlaps]; n != tt.fenced {
				t.Errorf("%d overlaps, want %d", n, tt.fenced)
			}
		})
	}
}
