// Package format writes values in the one form that commands, the terminal UI,
// reports and JSON share: leases, owners, durations, counts and lists.
//
// Owners and keys in its texts are untrusted input, as in etcd: a caller has to make
// a text printable before it shows it.
package format

import (
	"fmt"
	"slices"
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
// negative ID also with a sign, or the decimal of JSON if it has too many digits
// for hex. The lease 0 is none, so it is an error.
func ParseLease(s string) (int64, error) {
	if meant := Leases(s); len(meant) > 0 {
		return meant[0], nil
	}
	return 0, fmt.Errorf("lease %q: must be its ID in hex, as show and etcdctl print it", s)
}

// Leases returns the leases that a text can be the whole ID of: that in hex, and that in
// decimal, which etcdctl prints in JSON, if it is negative or has too many digits for hex.
func Leases(s string) []int64 {
	var meant []int64
	u, err := strconv.ParseUint(s, 16, 64)
	id := int64(u)
	if strings.HasPrefix(s, "-") {
		id, err = strconv.ParseInt(s, 16, 64)
	}
	isHex := err == nil
	if isHex && id != 0 {
		meant = append(meant, id)
	}
	decimal, err := strconv.ParseInt(s, 10, 64)
	if err == nil && !strings.HasPrefix(s, "+") && decimal != 0 && (decimal < 0 || !isHex) && !slices.Contains(meant, decimal) {
		meant = append(meant, decimal)
	}
	return meant
}
