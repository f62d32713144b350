package narrate

import (
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// who names a session.
func who(s *inspect.Session) string { return s.Who() }

// client names the client of a request of a session.
func client(s *inspect.Session, r inspect.Request) string { return s.WhoOf(r) }

// clientOf names the client of the first request that the session has for a lock.
func clientOf(s *inspect.Session, lock inspect.LockID) string {
	for _, r := range s.Requests {
		if r.Lock == lock {
			return client(s, *r)
		}
	}
	return who(s)
}

// leaseOf names the lease of a session.
func leaseOf(s *inspect.Session) string {
	if name := "lease " + format.Lease(s.ID.Lease); name == who(s) {
		return name
	}
	return "the lease of " + who(s)
}

// lock says what a request is for.
func lock(r inspect.Request) string {
	if !r.IsRequest() {
		return "the key " + r.Key
	}
	if r.Mode == keyspace.Slot {
		return takes(r) + " of " + format.Name(r.Lock.Name)
	}
	if r.Lock.Layout != layout.RWLock {
		return format.Name(r.Lock.Name) + " (" + r.Lock.Layout.Name + ")"
	}
	return format.Name(r.Lock.Name) + " (" + r.Mode.String() + ")"
}

// Tense is the tense of a text, and how commands in it reach etcd. An earlier revision is
// described in the past tense.
type Tense struct {
	past bool
	to   cmdline.Flags
}

// The tenses.
var (
	Present = Tense{}
	Past    = Tense{past: true}
)

// TenseOf returns Past for an earlier revision, else Present.
func TenseOf(past bool) Tense { return Tense{past: past} }

// With returns the tense for texts whose commands have these flags.
func (t Tense) With(to cmdline.Flags) Tense {
	t.to = to
	return t
}

// say returns the words of the tense.
func (t Tense) say(present, past string) string {
	if t.past {
		return past
	}
	return present
}

// does says who holds a lock or waits for it.
func (t Tense) does(s *inspect.Session, r inspect.Request) string {
	return client(s, r) + " " + t.doing(r)
}

func (t Tense) doing(r inspect.Request) string {
	switch {
	case !r.IsRequest():
		return t.say("is", "was") + " in the way with " + lock(r)
	case r.Holding:
		return t.say("holds ", "held ") + lock(r)
	case r.Vacant():
		return t.say("has ", "had ") + lock(r) + ", which nobody " + t.say("holds", "held")
	default:
		return t.say("waits for ", "waited for ") + lock(r)
	}
}

// maxNamed is how many of a kind a sentence names before it counts the rest.
const maxNamed = 3

// list joins words as a sentence does, the first few of many.
func list(words []string) string { return format.Some(words, maxNamed) }

// listOf is list for what is put into words: of many, only the first few are.
func listOf[T any](all []T, word func(T) string) string {
	return format.SomeOf(len(all), maxNamed, func(i int) string { return word(all[i]) })
}
