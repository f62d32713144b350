package narrate

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// Absence says that there is no lock of a name: that it is free, if no key begins with
// the name, and else which do. Meant is the names of locks that may be meant.
func Absence(name string, a inspect.Absence) (text string, meant []string) {
	name = format.Name(name)
	if a.Count == 0 {
		return name + " is free", nil
	}
	text = "no request that etcd-lock knows for " + name + "; "
	if len(a.Keys) == 0 {
		return text + format.Count(a.Count, "key of another lock begins", "keys of other locks begin") + " with it", a.Names
	}
	text += format.Count(a.Count, "other key begins", "other keys begin") + " with it"
	var keys []string
	for _, k := range a.Keys {
		switch {
		case k.LeaseUnknown:
			keys = append(keys, k.Key)
		case k.Lease == 0:
			keys = append(keys, k.Key+" (no lease)")
		default:
			keys = append(keys, k.Key+" (lease "+format.Lease(k.Lease)+")")
		}
	}
	return text + ": " + strings.Join(keys, ", "), a.Names
}
