package narrate

import (
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// who names a session.
func who(s *inspect.Session) string { return s.Who() }

// lease is a lease as etcdctl prints it.
func lease(id int64) string { return strconv.FormatInt(id, 16) }

// lock says what a request is for.
func lock(r inspect.Request) string {
	if r.Lock.Layout == keyspace.Mutex {
		return r.Lock.Name + " (mutex)"
	}
	return r.Lock.Name + " (" + r.Mode.String() + ")"
}

// does says who holds a lock or waits for it.
func does(s *inspect.Session, r inspect.Request) string { return who(s) + " " + doing(r) }

func doing(r inspect.Request) string {
	if r.Holding {
		return "holds " + lock(r)
	}
	return "waits for " + lock(r)
}

// maxNamed is how many of a kind a sentence names before it counts the rest.
const maxNamed = 3

// list joins words as a sentence does, the first ones of many.
func list(words []string) string {
	if n := len(words) - maxNamed; n > 1 {
		words = append(words[:maxNamed:maxNamed], strconv.Itoa(n)+" more")
	}
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return strings.Join(words, "")
}

// duration is d as one says it: the longer, the rounder.
func duration(d time.Duration) string {
	unit := time.Second
	if d >= 10*time.Minute {
		unit = time.Minute
	}
	text := d.Round(unit).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
