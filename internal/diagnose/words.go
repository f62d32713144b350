package inspect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
)

// maxNamed is how many of a kind a sentence names before it counts the rest.
const maxNamed = 3

// claim is what a request is for, in words.
func claim(r Request) string {
	if r.Lock.Layout == keyspace.Mutex {
		return r.Lock.Name + " (mutex)"
	}
	return r.Lock.Name + " (" + r.Mode.String() + ")"
}

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

// behindText says how many sessions wait.
func behindText(n int) string {
	switch n {
	case 0:
		return "nobody waits behind it"
	case 1:
		return "1 session waits behind it"
	default:
		return fmt.Sprintf("%d sessions wait behind it", n)
	}
}

// clockText says whose clock tells when a request was made.
func clockText(r Request) string {
	if r.Owner.Time.IsZero() {
		return "as seen from here"
	}
	return "by its own clock"
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
