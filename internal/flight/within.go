package flight

import (
	"fmt"
	"slices"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// OtherUnknown is Snapshot.Other of a part of a recording: it does not say which of the
// other keys are there.
const OtherUnknown = -1

// Within returns the locks below prefixes. It fails if the recording may have left out
// some.
func Within(s inspect.Snapshot, given []string) (inspect.Snapshot, error) {
	prefixes := keyspace.NewPrefixes(given...)
	if prefixes.All() {
		return s, nil
	}
	for _, p := range prefixes {
		if !s.Prefixes.Has(p) {
			return s, fmt.Errorf("the recording has only keys that begin with %s", strings.Join(s.Prefixes, ", "))
		}
	}
	part := inspect.Snapshot{Prefixes: prefixes, Revision: s.Revision, Other: OtherUnknown}
	for _, l := range s.Locks {
		if IsWithin(l.ID, l.Queue[0].Key, prefixes) {
			part.Locks = append(part.Locks, l)
		}
	}
	return part, nil
}

// IsWithin reports whether a lock, of which this is a key, is below one of the prefixes.
func IsWithin(id inspect.LockID, key string, prefixes keyspace.Prefixes) bool {
	return prefixes.All() || slices.ContainsFunc(prefixes, func(p string) bool {
		return strings.HasPrefix(key, p) && id.Layout.Whole(id.Name, p)
	})
}
