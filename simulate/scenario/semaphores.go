package scenario

import (
	"maps"
	"slices"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// semaphore is a semaphore that steps can take slots of.
type semaphore struct {
	permits int
	at      where // where the file names it
	used    bool  // by a step
}

// readSemaphores reads the semaphores of a scenario.
func (r *reader) readSemaphores(p where, docs []semaphoreDoc) []Semaphore {
	r.semaphores = map[string]*semaphore{}
	var all []Semaphore
	for i, doc := range docs {
		s := r.semaphore(p.To(i), doc)
		if r.semaphores[s.Name] != nil {
			r.fail(p.To(i, "name"), "semaphore %q is defined twice", s.Name)
		}
		r.semaphores[s.Name] = &semaphore{permits: s.Permits, at: p.To(i, "name")}
		all = append(all, s)
	}
	return all
}

func (r *reader) semaphore(p where, doc semaphoreDoc) Semaphore {
	s := Semaphore{Permits: r.whole(p.To("permits"), doc.Permits, 1, keyspace.MaxPermits, 0)}
	switch {
	case doc.Name == nil:
		r.fail(p, "a semaphore needs a name")
		return s
	case *doc.Name == "":
		r.fail(p.To("name"), "lock name is empty")
	case doc.Permits == nil:
		r.fail(p, "semaphore %q needs permits: how many there are", *doc.Name)
	}
	s.Name = *doc.Name
	return s
}

// tell reads the semaphores of which a client is told other permits. Its steps are read then,
// until the function that tell returns is called.
func (r *reader) tell(c *Client, p where, docs []semaphoreDoc) (told func()) {
	scenarios := maps.Clone(r.semaphores)
	for i, doc := range docs {
		s := r.semaphore(p.To(i), doc)
		switch known := r.semaphores[s.Name]; {
		case scenarios[s.Name] == nil:
			r.fail(p.To(i, "name"), "unknown semaphore %q: the scenario's semaphores do not name it", s.Name)
		case known != scenarios[s.Name]:
			r.fail(p.To(i, "name"), "semaphore %q is defined twice", s.Name)
		}
		r.semaphores[s.Name] = &semaphore{permits: s.Permits, at: p.To(i, "name")}
		c.Semaphores = append(c.Semaphores, s)
	}
	return func() {
		for i, s := range c.Semaphores {
			switch known := scenarios[s.Name]; {
			case !r.semaphores[s.Name].used:
				r.fail(p.To(i, "name"), "client %q takes no slot of semaphore %q", c.Name, s.Name)
			case known != nil:
				known.used = true
			}
		}
		r.semaphores = scenarios
	}
}

// checkSemaphores reports a semaphore that no step takes a slot of: its name is a mistake.
func (r *reader) checkSemaphores() {
	for _, name := range slices.Sorted(maps.Keys(r.semaphores)) {
		if s := r.semaphores[name]; !s.used {
			r.fail(s.at, "no step takes a slot of semaphore %q", name)
		}
	}
}

func readSlot(r *reader, p where, doc stepDoc, s *Step) {
	s.Locks = []rwlock.LockRequest{r.slot(p, *doc.Slot)}
}

// slot reads the name of a semaphore, or a mapping with the weight: how many permits are taken.
func (r *reader) slot(p where, doc slotDoc) rwlock.LockRequest {
	l := rwlock.LockRequest{Mode: rwlock.Slot, Weight: r.whole(p.To("weight"), doc.Weight, 1, keyspace.MaxPermits, 1)}
	at := p
	switch {
	case doc.text != nil:
		l.Name = *doc.text
	case doc.Name != nil:
		l.Name, at = *doc.Name, p.To("name")
	default:
		r.fail(p, "a slot needs the name of a semaphore")
		return l
	}
	known := r.semaphores[l.Name]
	switch {
	case l.Name == "":
		r.fail(at, "lock name is empty")
	case known == nil:
		r.fail(at, "unknown semaphore %q: name it under semaphores, with its permits", l.Name)
	case l.Weight > known.permits:
		r.fail(p.To("weight"), "weight %d is more than the %d permits of semaphore %q", l.Weight, known.permits, l.Name)
	}
	if known != nil {
		known.used, l.Permits = true, known.permits
	}
	return l
}

func semaphoresOut(all []Semaphore) []semaphoreOut {
	var out []semaphoreOut
	for _, s := range all {
		out = append(out, semaphoreOut{Name: text(s.Name), Permits: s.Permits})
	}
	return out
}

// slotsOut returns the slots of semaphores: names, with their weights if these are not 1.
func slotsOut(locks []rwlock.LockRequest) []any {
	var out []any
	for _, l := range locks {
		switch {
		case l.Mode != rwlock.Slot:
		case l.Weight == 1:
			out = append(out, text(l.Name))
		default:
			out = append(out, slotOut{Name: text(l.Name), Weight: l.Weight})
		}
	}
	return out
}
