package rwlock

import (
	"cmp"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
)

// place is a request's key and its place in the queue.
type place struct {
	key string
	rev int64 // create revision
}

// blockers picks from the keys below the directories of name those requests
// that must go before one made at rev, in the order of the queue. Locks nested
// below name share its directories and are passed over.
func blockers(kvs []*mvccpb.KeyValue, name string, rev int64) []place {
	var before []place
	for _, kv := range kvs {
		key, ok := keyspace.ParseRWLock(string(kv.Key))
		if ok && key.Name == name && kv.CreateRevision < rev {
			before = append(before, place{key: string(kv.Key), rev: kv.CreateRevision})
		}
	}
	return inOrder(before)
}

// inOrder sorts places by their order in the queue.
func inOrder(places []place) []place {
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.rev, b.rev) })
	return places
}

// nearest is how many of its blockers a waiter watches: the last ones to go.
// With two, the first to go leaves time to find out about all the earlier ones
// before the second goes, so that nothing has to be read at the hand-off.
// More would only send every deletion to more waiters.
const nearest = 2

// plan is what a waiter watches, and what it leaves out of its sight.
type plan struct {
	watched []place // the last blockers to go, in one directory
	rest    []place // earlier ones, assumed present until a read says otherwise
	span    span    // covers watched, and mine if it can
	mine    bool    // the span covers the waiter's own key too
}

// newPlan chooses what to watch of a waiter's blockers, of which there is at
// least one. The last to go in a queue are the latest to come, and watching one
// directory keeps the span, and so the number of events, small.
func newPlan(ahead []place, mine string) plan {
	last := dir(ahead[len(ahead)-1].key)
	cut := len(ahead) - 1
	for cut > 0 && len(ahead)-cut < nearest && dir(ahead[cut-1].key) == last {
		cut--
	}
	p := plan{watched: slices.Clone(ahead[cut:]), rest: ahead[:cut], mine: dir(mine) == last}
	keys := []string{}
	for _, b := range p.watched {
		keys = append(keys, b.key)
	}
	if p.mine {
		keys = append(keys, mine)
	}
	p.span = spanOf(keys)
	return p
}

// span is a range of keys with both its ends.
type span struct{ first, last string }

func spanOf(keys []string) span {
	return span{first: slices.Min(keys), last: slices.Max(keys)}
}

// end is the first key after the span, as etcd's range end.
func (s span) end() string { return s.last + "\x00" }

// spansOf covers places with one span a directory.
func spansOf(places []place) []span {
	byDir := map[string][]string{}
	for _, p := range places {
		byDir[dir(p.key)] = append(byDir[dir(p.key)], p.key)
	}
	spans := make([]span, 0, len(byDir))
	for _, keys := range byDir {
		spans = append(spans, spanOf(keys))
	}
	return spans
}

// without returns places less the one of that key. It changes places.
func without(places []place, key string) []place {
	return slices.DeleteFunc(places, func(p place) bool { return p.key == key })
}

// still returns those places whose keys exist, by what a read found.
func still(places []place, found map[string]int64) []place {
	var left []place
	for _, p := range places {
		if found[p.key] == p.rev {
			left = append(left, p)
		}
	}
	return left
}

func dir(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
