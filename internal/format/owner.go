package format

import (
	"strconv"
	"strings"

	"etcd-lock/internal/keyspace"
)

// Owner returns an owner as "label program[pid]@host", or as much of it as is
// known: it is empty when nothing is.
func Owner(o keyspace.Owner) string {
	who := o.Program
	if o.PID > 0 {
		if who == "" {
			who = "pid"
		}
		who += "[" + strconv.Itoa(o.PID) + "]"
	}
	if o.Host != "" {
		who += "@" + o.Host
	}
	return strings.TrimSpace(o.Label + " " + who)
}

// Client names a client by its owner, else by its lease, else by the key of its
// request.
func Client(o keyspace.Owner, lease int64, key string) string {
	switch who := Owner(o); {
	case who != "":
		return who
	case lease != 0:
		return "lease " + Lease(lease)
	default:
		return "key " + key
	}
}
