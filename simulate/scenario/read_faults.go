package scenario

import (
	"slices"
	"strconv"
	"time"
)

// outage keeps track of what earlier faults have done to the cluster.
type outage struct {
	*reader
	members int
	down    map[Member]bool // by number
	leaders int             // how many leaders were killed or stopped; which members they were is unknown
	cut     map[string]bool // clients
	last    time.Duration   // the latest time of the fault before
}

func (r *reader) readFaults(sc *Scenario, docs []faultDoc) {
	o := &outage{reader: r, members: sc.Cluster, down: map[Member]bool{}, cut: map[string]bool{}}
	for i, doc := range docs {
		p := where{"faults", i}
		f := o.fault(p, doc)
		if f.Do != "" && f.Do != FaultCompact && sc.Cluster == 0 {
			r.fail(p.To(string(f.Do)), "%s needs its own cluster: set the number of members, as in \"cluster: 3\"", f.Do)
		}
		sc.Faults = append(sc.Faults, f)
	}
}

func (o *outage) fault(p where, doc faultDoc) Fault {
	f := Fault{At: o.span(p.To("at"), doc.At), Place: o.place(p)}
	switch {
	case doc.At == nil:
		o.fail(p, "a fault needs a time, as in \"at: 500ms\"")
	case f.At.From < o.last:
		o.fail(p.To("at"), "faults must be in the order of time: the one before can be as late as %s", o.last)
	}
	o.last = f.At.To
	for _, m := range []struct {
		do    FaultKind
		given bool
		read  func(where, faultDoc, *Fault)
	}{
		{FaultKill, doc.Kill != nil, o.kill},
		{FaultStop, doc.Stop != nil, o.stop},
		{FaultStart, doc.Start != nil, o.start},
		{FaultCut, doc.Cut != nil, o.cutOff},
		{FaultHeal, doc.Heal != nil, o.heal},
		{FaultCompact, doc.Compact != nil, o.compact},
	} {
		switch {
		case !m.given:
		case f.Do != "":
			o.fail(p.To(string(m.do)), "a fault does one thing: this one has %s and %s", f.Do, m.do)
		default:
			f.Do = m.do
			m.read(p.To(string(m.do)), doc, &f)
		}
	}
	if f.Do == "" {
		o.fail(p, "a fault needs one of kill, stop, start, cut, heal or compact")
	}
	return f
}

func (o *outage) kill(p where, doc faultDoc, f *Fault) { f.Member = o.takeDown(p, *doc.Kill) }
func (o *outage) stop(p where, doc faultDoc, f *Fault) { f.Member = o.takeDown(p, *doc.Stop) }

// takeDown reads which member fails. A cluster has a leader only while most of its
// members run.
func (o *outage) takeDown(p where, word string) Member {
	away := len(o.down) + o.leaders
	switch m := o.member(p, word, Leader); {
	case m == Leader && 2*away >= o.members && o.members > 0:
		o.fail(p, "there is no leader by then: %d of %d members are down", away, o.members)
		return m
	case m == Leader:
		o.leaders++
		return m
	case o.down[m]:
		o.fail(p, "member %d is already down", m)
		return m
	default:
		o.down[m] = true
		return m
	}
}

// start reads which member comes back. A number may be that of a leader that failed.
func (o *outage) start(p where, doc faultDoc, f *Fault) {
	f.Member = o.member(p, *doc.Start, AllMembers)
	switch {
	case len(o.down)+o.leaders == 0:
		o.fail(p, "start of a member that no earlier fault killed or stopped")
	case f.Member == AllMembers:
		o.down, o.leaders = map[Member]bool{}, 0
	case o.down[f.Member]:
		delete(o.down, f.Member)
	case o.leaders > 0:
		o.leaders--
	default:
		o.fail(p, "start of member %d, which no earlier fault killed or stopped", f.Member)
	}
}

// member reads a member's number, or the word for other.
func (o *outage) member(p where, word string, other Member) Member {
	if word == other.String() {
		return other
	}
	n, err := strconv.Atoi(word)
	switch {
	case err != nil || n < 1:
		o.fail(p, "unknown member %q: want a number from 1, or %s", word, other)
	case o.members > 0 && n > o.members:
		o.fail(p, "member %d: the cluster has %d", n, o.members)
	}
	return Member(n)
}

func (o *outage) cutOff(p where, doc faultDoc, f *Fault) {
	f.Clients = o.cutClients(p, doc.Cut, true)
}

func (o *outage) heal(p where, doc faultDoc, f *Fault) {
	f.Clients = o.cutClients(p, doc.Heal, false)
}

// cutClients reads the clients whose networks are cut or healed.
func (o *outage) cutClients(p where, doc *wordsDoc, cut bool) []string {
	if len(doc.words) == 0 {
		o.fail(p, "want the name of a client, or a list of them")
	}
	for i, name := range doc.words {
		switch at := doc.at(p, i); {
		case o.clients[name] == nil:
			o.fail(at, "unknown client %q", name)
		case o.cut[name] && cut:
			o.fail(at, "client %q is already cut off", name)
		case !o.cut[name] && !cut:
			o.fail(at, "client %q is not cut off by an earlier fault", name)
		}
		o.cut[name] = cut
	}
	return slices.Clone(doc.words)
}

func (o *outage) compact(p where, doc faultDoc, _ *Fault) {
	if !*doc.Compact {
		o.fail(p, "compact: want true, or leave the fault out")
	}
}
