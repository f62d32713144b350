package narrate

import (
	"strconv"
	"time"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/order"
)

// Potential says that a deadlock could happen: how the clients acquire locks, and what
// prevents it, with a command that has these flags.
func Potential(to cmdline.Flags, p order.Potential) Text {
	t := Text{Headline: "potential deadlock on " + list(heldNames(p)) + ": " + list(storyNames(p)) + " acquire them in " + orders(p)}
	for _, s := range p.Stories {
		t.Clauses = append(t.Clauses, story(s))
	}
	for i, s := range p.Stories {
		if s.Wanted.Lock != p.Stories[(i+1)%len(p.Stories)].Held.Lock {
			t.Clauses = append(t.Clauses, "these were different locks of one class: it takes clients that do so with the same ones")
			break
		}
	}
	t.Clauses = append(t.Clauses,
		"it happens if each holds its first lock when the others do",
		"to prevent it, acquire them together, with a Set"+together(to, p)+"; or all in one order; or under one more lock that is always acquired first",
	)
	return t
}

func orders(p order.Potential) string {
	if len(p.Stories) == 2 {
		return "opposite orders"
	}
	return "orders that make a cycle"
}

// heldNames returns the locks of a cycle, or their class where a client wanted another lock
// than the next one held.
func heldNames(p order.Potential) []string {
	var names []string
	for i, s := range p.Stories {
		before := p.Stories[(i+len(p.Stories)-1)%len(p.Stories)]
		name := s.Held.Lock.Name
		if before.Wanted.Lock != s.Held.Lock {
			name = p.Classes[i]
		}
		names = append(names, format.Name(name))
	}
	return names
}

// storyNames names the clients. Those of the same name get their sessions too.
func storyNames(p order.Potential) []string {
	count := map[string]int{}
	for _, s := range p.Stories {
		count[s.Who]++
	}
	var names []string
	for _, s := range p.Stories {
		if count[s.Who] > 1 {
			s.Who += " (" + s.Session + ")"
		}
		names = append(names, s.Who)
	}
	return names
}

// story says what a client did.
func story(s order.Story) string {
	text := s.Who + " held " + step(s.Held) + " when it requested " + step(s.Wanted)
	if s.Together {
		text = s.Who + " requested " + step(s.Held) + " and " + step(s.Wanted) + " together"
	}
	if len(s.Gates) > 0 {
		var gates []string
		for _, g := range s.Gates {
			gates = append(gates, format.Name(g.Lock.Name))
		}
		text += ", and held " + format.Some(gates, 4)
	}
	if !s.Time.IsZero() {
		text += ", at " + s.Time.Local().Format(time.RFC3339)
	}
	if s.Session != s.Who && s.Who != "lease "+s.Session {
		text += "; session " + s.Session
	}
	if s.Count > 1 {
		text += "; " + format.Count(s.Count-1, "time", "times") + " more, it or clients like it"
	}
	return text
}

func step(s order.Step) string {
	text := format.Name(s.Lock.Name)
	switch s.Mode {
	case keyspace.Slot:
		text = share(s.Weight, s.Permits) + " of " + text
	case keyspace.Write:
		text += " for writing"
	default:
		text += " for reading"
	}
	if s.Revision > 0 {
		text += " (revision " + strconv.FormatInt(s.Revision, 10) + ")"
	}
	return text
}

// together offers the command that acquires the locks of a cycle together, if there is one:
// exec takes permits of no other locks than semaphores, and as many of each.
func together(to cmdline.Flags, p order.Potential) string {
	words := []string{"exec"}
	for _, s := range p.Stories {
		if s.Held.Mode == keyspace.Slot || s.Wanted.Mode == keyspace.Slot {
			return ""
		}
		words = append(words, s.Held.Lock.Name)
	}
	return " or " + to.Line(append(words, "--", "COMMAND")...)
}
