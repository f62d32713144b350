// Package format writes values in the one form that commands, the terminal UI,
// reports and JSON share: leases, owners, durations, counts and lists.
//
// Owners and keys in its texts are untrusted input, as in etcd: a caller has to make
// a text printable before it shows it.
package format

import (
	"fmt"
	"strconv"
	"strings"
)

// Lease returns a lease ID as 16 hex digits, as etcdctl prints it. A negative ID,
// which only a client can choose, is written as its two's complement.
func Lease(id int64) string {
	var digits [16]byte
	for i := range digits {
		digits[i] = "0123456789abcdef"[uint64(id)>>(60-4*i)&15]
	}
	return string(digits[:])
}

// ShortLease is Lease cut to a width of at least 2, for a narrow column. It keeps
// the end, since the leases of one member begin alike.
func ShortLease(id int64, width int) string {
	s := Lease(id)
	if len(s) <= width || width < 2 {
		return s
	}
	return "…" + s[len(s)-width+1:]
}

// ParseLease reads a lease ID as Lease and etcdctl write it: hex digits, for a
// negative ID also with a sign. The lease 0 is none, so it is an error.
func ParseLease(s string) (int64, error) {
	u, err := strconv.ParseUint(s, 16, 64)
	id := int64(u)
	if strings.HasPrefix(s, "-") {
		id, err = strconv.ParseInt(s, 16, 64)
	}
	if err != nil || id == 0 {
		return 0, fmt.Errorf("lease %q: must be its ID in hex, as show and etcdctl print it", s)
	}
	return id, nil
}
