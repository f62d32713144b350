package format

import (
	"bytes"
	"strconv"

	"etcd-lock/internal/keyspace"
)

// Owner returns an owner as "label program[pid]@host", or as much of it as is
// known: it is empty when nothing is.
func Owner(o keyspace.Owner) string {
	b := make([]byte, 0, 128) // mostly enough
	b = append(append(b, o.Label...), ' ')
	b = append(b, o.Program...)
	if o.PID > 0 {
		if o.Program == "" {
			b = append(b, "pid"...)
		}
		b = append(strconv.AppendInt(append(b, '['), int64(o.PID), 10), ']')
	}
	if o.Host != "" {
		b = append(append(b, '@'), o.Host...)
	}
	return string(bytes.TrimSpace(b))
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
