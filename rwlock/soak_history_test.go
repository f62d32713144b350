package rwlock_test

import (
	"cmp"
	"fmt"
	"slices"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// change is one event of etcd's history.
type change struct {
	rev    int64
	key    string
	put    bool
	create int64 // create revision, of a put
	lease  int64 // of a put
	seen   int64 // when the observer was told
}

func (c change) String() string {
	what := "delete"
	if c.put {
		what = fmt.Sprintf("put by %x", c.lease)
	}
	return fmt.Sprintf("%s revision %d: %s %s", clock(c.seen), c.rev, what, c.key)
}

// request is what the history says of one key.
type request struct {
	keyspace.Key
	created int64
	held    int64 // the revision at which the last of its blockers was gone, or 0
	gone    int64 // the revision that deleted it, or 0
}

// place names a request as clients know it.
type place struct {
	name  string
	mode  rwlock.Mode
	token int64
}

// fold is etcd's history, retold as what became of each request.
type fold struct {
	upgrades map[place]int64 // a writer's place to the token of its own reader
	requests map[place]*request
	byKey    map[string]*request
	queues   map[string][]*request // by name, in the order of the queue
	wrong    []string
}

// newFold retells changes, which are all there were after the revision since.
// upgrades tells which writers do not wait for which reader, as that is their
// own: the keys alone do not say so.
func newFold(since int64, changes []change, upgrades map[place]int64) *fold {
	f := &fold{
		upgrades: upgrades,
		requests: map[place]*request{},
		byKey:    map[string]*request{},
		queues:   map[string][]*request{},
	}
	for len(changes) > 0 {
		rev, touched := changes[0].rev, map[string]bool{}
		if rev != since+1 {
			f.violation("revision %d comes after %d: the history has a gap", rev, since)
		}
		for len(changes) > 0 && changes[0].rev == rev {
			touched[f.apply(changes[0])] = true
			changes = changes[1:]
		}
		for name := range touched {
			f.grant(name, rev)
		}
		since = rev
	}
	return f
}

func (f *fold) violation(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// apply notes one event and returns the name of the lock it belongs to.
func (f *fold) apply(c change) string {
	key, ok := keyspace.ParseRWLock(c.key)
	if !ok {
		return ""
	}
	r := f.byKey[c.key]
	switch {
	case c.put && (r != nil && r.gone == 0 || c.create != c.rev):
		f.violation("revision %d: %s was written twice", c.rev, c.key)
	case c.put:
		r = &request{Key: key, created: c.rev}
		f.byKey[c.key] = r
		f.requests[r.place()] = r
		f.queues[key.Name] = append(f.queues[key.Name], r)
	case r == nil || r.gone != 0:
		f.violation("revision %d: %s was deleted and was not there", c.rev, c.key)
	default:
		r.gone = c.rev
		f.queues[key.Name] = slices.DeleteFunc(f.queues[key.Name], func(q *request) bool { return q == r })
	}
	return key.Name
}

func (r *request) place() place { return place{name: r.Name, mode: r.Mode, token: r.created} }

// grant gives the lock to all requests that nothing stands against any more.
func (f *fold) grant(name string, rev int64) {
	queue := f.queues[name]
	for _, r := range queue {
		if r.held == 0 && !slices.ContainsFunc(queue, func(q *request) bool { return f.blocks(q, r) }) {
			r.held = rev
		}
	}
}

// blocks reports whether r has to wait for q: an earlier writer, or for a
// writer an earlier reader, unless that is what it was upgraded from.
func (f *fold) blocks(q, r *request) bool {
	if q.created >= r.created || !conflict(q.Mode, r.Mode) {
		return false
	}
	own, upgraded := f.upgrades[r.place()]
	return !upgraded || q.Mode == rwlock.Write || q.created != own
}

// upgradesOf collects which writers were upgraded from which reader.
func upgradesOf(grants []*grant) map[place]int64 {
	upgrades := map[place]int64{}
	for _, g := range grants {
		for i, s := range g.stages {
			if i > 0 && s.mode == rwlock.Write {
				upgrades[place{g.name, s.mode, s.token}] = g.created(i - 1)
			}
		}
	}
	return upgrades
}

// checkHistory reports where etcd's history contradicts itself, or the clients.
func checkHistory(t *tally, since int64, changes []change, grants []*grant) {
	f := newFold(since, changes, upgradesOf(grants))
	for _, wrong := range f.wrong {
		t.violation("%s", wrong)
	}
	tenures := map[string][]tenure{}
	for _, g := range grants {
		for i, s := range g.stages {
			r := f.requests[place{g.name, s.mode, g.created(i)}]
			switch {
			case r == nil:
				t.violation("client %d was given %s of %s with token %d, which was never asked for", g.client, s.mode, g.name, s.token)
			case r.held == 0 && !s.unsure:
				t.violation("client %d was given %s of %s with token %d, which never came to hold it: created %d, gone %d",
					g.client, s.mode, g.name, s.token, r.created, r.gone)
			case r.held != 0:
				tenures[g.name] = append(tenures[g.name], tenure{hold: g.hold, request: r})
			}
		}
	}
	for _, name := range tenures {
		checkTenures(t, name)
	}
}

// tenure is a hold of a client's on one name, from revision to revision.
type tenure struct {
	hold int
	*request
}

// checkTenures reports conflicting holds that overlap in etcd's own order. With
// the fold as it is there can be none: this is what the fold itself is held to.
func checkTenures(t *tally, tenures []tenure) {
	slices.SortFunc(tenures, func(a, b tenure) int { return cmp.Compare(a.held, b.held) })
	var active []tenure
	for _, next := range tenures {
		active = slices.DeleteFunc(active, func(a tenure) bool { return a.gone != 0 && a.gone <= next.held })
		for _, a := range active {
			if a.hold != next.hold && conflict(a.Mode, next.Mode) {
				t.violation("two hold %s at revision %d: %s since %d, %s since %d",
					a.Name, next.held, a.Mode, a.held, next.Mode, next.held)
			}
		}
		active = append(active, next)
	}
}

// believed is one stage of a hold, for as long as its client believed in it.
type believed struct {
	*grant
	stage
	from, to int64
}

// checkTokens reports conflicting holds that two clients believed in at once
// and that a store which asks for tokens would not have told apart.
func checkTokens(t *tally, grants []*grant) {
	byName := map[string][]believed{}
	for _, g := range grants {
		for i, s := range g.stages {
			from, to := g.belief(i)
			if from < g.end { // else it was dead when it arrived
				byName[g.name] = append(byName[g.name], believed{g, s, from, to})
			}
		}
	}
	for _, beliefs := range byName {
		checkBeliefs(t, beliefs)
	}
}

// fencedOverlaps counts those that a token tells apart.
const fencedOverlaps = "overlaps in time: fenced by a token"

func checkBeliefs(t *tally, beliefs []believed) {
	slices.SortFunc(beliefs, func(a, b believed) int { return cmp.Compare(a.from, b.from) })
	var active []believed
	for _, next := range beliefs {
		active = slices.DeleteFunc(active, func(a believed) bool { return a.to < next.from })
		for _, a := range active {
			if a.hold == next.hold || !conflict(a.mode, next.mode) {
				continue
			}
			t.count(fencedOverlaps)
			if next.token <= a.token {
				t.violation("clients %d and %d both believe in %s, and the later token %d is not larger than %d",
					a.client, next.client, a.name, next.token, a.token)
			}
		}
		active = append(active, next)
	}
}
