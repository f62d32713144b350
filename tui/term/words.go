package term

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
)

// ShortReason returns the part of an error that says most in few words.
func ShortReason(err error) string {
	s := format.Plainly(err)
	if i := strings.LastIndex(s, "desc = "); i >= 0 {
		s = s[i+len("desc = "):]
	}
	s = strings.Trim(s, `"`)
	if i := strings.LastIndex(s, ": "); i >= 0 && len(s) > 40 {
		s = s[i+2:]
	}
	return Safe(s)
}

// Owner returns the owner of a request, printable; "-" if it has written nothing.
func Owner(o keyspace.Owner) string { return format.Dash(Safe(format.Owner(o))) }

// Lease returns a lease in w cells, "none" if there is none.
func Lease(lease int64, w int) string {
	if lease == 0 {
		return "none"
	}
	return format.ShortLease(lease, w)
}

// Name returns the name of a lock, printable, as commands print it.
func Name(name string) string { return Safe(format.Name(name)) }
