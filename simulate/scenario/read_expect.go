package scenario

import (
	"math"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/internal/logline"
)

func (r *reader) expect(p where, doc expectDoc) Expect {
	e := Expect{
		Log:         doc.Log,
		MaxWait:     r.duration(p.To("max_wait"), doc.MaxWait, 0),
		Fenced:      r.whole(p.To("fenced"), doc.Fenced, 0, math.MaxInt, 0),
		LogPlace:    r.place(p.To("log")),
		FencedPlace: r.place(p.To("fenced")),
	}
	if doc.MaxWait != nil && e.MaxWait < time.Nanosecond {
		r.fail(p.To("max_wait"), "duration must be greater than 0")
	}
	for i, line := range e.Log {
		r.expected(p.To("log", i), line)
	}
	for i, chain := range doc.Order {
		e.Order = append(e.Order, r.chain(p.To("order", i), chain))
	}
	return e
}

// expected reports an error for a line of the log that names an unknown client. No run
// could have it.
func (r *reader) expected(p where, line string) {
	if name, ok := logline.Client(line); ok && r.clients[name] == nil {
		r.fail(p, "unknown client %q", name)
	}
}

func (r *reader) chain(p where, words []string) []Occurrence {
	if len(words) < 2 {
		r.fail(p, "an order needs at least two moments, the earlier first")
	}
	var chain []Occurrence
	for i, s := range words {
		o := r.occurrence(p.To(i), s)
		if slices.ContainsFunc(chain, func(other Occurrence) bool { return o.String() == other.String() }) {
			r.fail(p.To(i), "duplicate %q", s)
		}
		chain = append(chain, o)
	}
	return chain
}

// occurrence reads MOMENT CLIENT[ LOCK][ #n].
func (r *reader) occurrence(p where, s string) Occurrence {
	moment, rest, _ := strings.Cut(s, " ")
	client, lock, _ := strings.Cut(rest, " ")
	lock, n := cutNumber(lock)
	o := Occurrence{Moment: Moment(moment), Client: client, Lock: lock, Nth: max(n, 1), Place: r.place(p)}
	switch {
	case rest == "":
		r.fail(p, "%q: want MOMENT CLIENT[ LOCK][ #n], such as \"granted c\"", s)
	case !slices.Contains(moments(), o.Moment):
		r.fail(p, "unknown moment %q: want %s", moment, format.List(moments(), "or"))
	case r.clients[client] == nil:
		r.fail(p, "unknown client %q", client)
	default:
		r.occurs(p, o)
	}
	return o
}

// occurs reports an error for a moment that cannot happen in the client's steps, or
// not that often.
func (r *reader) occurs(p where, o Occurrence) {
	c := r.clients[o.Client]
	named, most := o.Lock == "", 0
	for _, s := range c.Steps {
		of := lockset.Has(s.Locks, o.Lock)
		named = named || of
		if s.Can(o.Moment) && (of || o.Lock == "") {
			most += c.Repeat
		}
	}
	switch {
	case !named:
		r.fail(p, "unknown lock %q: client %q does not use it", o.Lock, o.Client)
	case most == 0:
		r.fail(p, "%q cannot happen in any step of the client", o)
	case o.Nth > most:
		r.fail(p, "%q cannot happen: it happens at most %s", o, format.Count(most, "time", "times"))
	}
}
