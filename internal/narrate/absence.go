package narrate

import (
	"slices"
	"strings"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
)

// Absence says that there is no lock of a name: that it is free, if no key begins with
// the name, and else which do. Meant is the names of locks that may be meant.
func Absence(name string, a inspect.Absence) (text string, meant []string) {
	name = format.Name(name)
	switch {
	case a.Count == 0 && a.KeyOnly:
		return "there is no key " + name + "; whether a lock of that name is held is not known, because keys below it could not be read", nil
	case a.Count == 0 && len(a.Candidates) > 0:
		return name + " is free; " + candidates(a.Candidates), nil
	case a.Count == 0:
		return name + " is free", nil
	}
	text = "no request that etcd-lock knows for " + name + "; "
	switch {
	case len(a.Keys) == 0:
		return text + format.Count(a.Count, "key of another lock begins", "keys of other locks begin") + " with it", a.Names
	case a.Others < a.Count:
		text += format.Count(a.Count, "key begins", "keys begin") + " with it, " +
			format.Count(a.Others, "of which is no lock request", "of which are no lock requests")
		if a.Cut > 0 {
			text += ", or for a lock of which only a part was read"
		}
	default:
		text += format.Count(a.Count, "other key begins", "other keys begin") + " with it"
	}
	var keys []string
	for _, k := range a.Keys {
		switch {
		case k.Cut:
			keys = append(keys, k.Key+" ("+k.AsOther()+")")
		case k.LeaseUnknown:
			keys = append(keys, k.Key)
		case k.Lease == 0:
			keys = append(keys, k.Key+" (no lease)")
		default:
			keys = append(keys, k.Key+" (lease "+format.Lease(k.Lease)+")")
		}
	}
	if more := a.Others - len(keys); more > 0 {
		keys = append(keys, format.Count(more, "more", "more"))
	}
	return text + ": " + strings.Join(keys, ", "), a.Names
}

// Unread says what a user may not read of what was to be read, and which keys may be locks
// because of that, a sentence each.
func Unread(s inspect.Snapshot) []string {
	var says []string
	for _, p := range s.Partial {
		read := "the key " + p.Prefix
		switch {
		case p.None:
			says = append(says, "the keys that begin with "+p.Prefix+", which say more of these locks, could not be read: the user may not")
			continue
		case p.Below:
			read += " and those below " + p.Prefix + "/"
		}
		says = append(says, "of the keys that begin with "+p.Prefix+", only "+read+" could be read: the user may read no others")
	}
	const most = 3
	for i, u := range s.Unproven {
		if i == most {
			says = append(says, "so may "+format.Count(len(s.Unproven)-most, "more key", "more keys"))
			break
		}
		says = append(says, u.Key+" may be a lock: that depends on the key "+u.Unread+", which was not read")
	}
	return says
}

// PrefixFlags are the arguments of commands that read only these prefixes.
func PrefixFlags(prefixes keyspace.Prefixes) string {
	var flags []string
	for _, p := range prefixes {
		flags = append(flags, "--prefix "+printable.Shell(p))
	}
	return strings.Join(flags, " ")
}

// UICommand returns the command that shows prefixes in the terminal UI, with these flags.
func UICommand(to cmdline.Flags) func(prefixes keyspace.Prefixes) string {
	return func(prefixes keyspace.Prefixes) string { return to.Line(append([]string{"tui"}, prefixes...)...) }
}

// Outside says that it is not known whether a session waits for something that was not
// read, and what to read to know, as with says it; it is empty if the session has no keys
// elsewhere.
func Outside(lease int64, o inspect.Outside, read keyspace.Prefixes, with func(keyspace.Prefixes) string) string {
	text := "whether session " + format.Lease(lease) + " waits for something elsewhere: it has "
	switch {
	case o.Hidden:
		return text + "keys that this user may not read"
	case len(o.Keys) == 0:
		return ""
	}
	more := slices.Clone([]string(read))
	var places []string
	for _, key := range o.Keys {
		if place := read.Beside(key); !keyspace.NewPrefixes(more...).Has(place) {
			more, places = append(more, place), append(places, printable.Shell(place))
		}
	}
	const most = 3
	return text + format.Count(len(o.Keys), "key that was not read", "keys that were not read") +
		", below " + format.Some(places, most) + "; read more with " + with(keyspace.NewPrefixes(more...))
}

// Nested says that it is not known whether a request that waits is in a deadlock, because its
// client runs under a lock that was not read, and what to read to know, as with says it.
func (t Tense) Nested(r inspect.Request, read keyspace.Prefixes, with func(keyspace.Prefixes) string) string {
	place := read.Beside(r.Owner.Value().Under)
	return "whether " + r.Who() + ", which " + t.say("waits", "waited") + " for " + format.Name(r.Lock.Name) + ", " + t.say("is", "was") +
		" in a deadlock: it " + t.say("runs", "ran") + " under a lock that was not read, below " +
		printable.Shell(place) + "; " + with(keyspace.NewPrefixes(append(slices.Clone([]string(read)), place)...)) + " reads that too"
}
