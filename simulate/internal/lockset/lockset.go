// Package lockset answers questions about lists of locks.
package lockset

import (
	"slices"
	"strconv"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// Has reports whether name is one of locks.
func Has(locks []rwlock.LockRequest, name string) bool {
	return slices.ContainsFunc(locks, func(w rwlock.LockRequest) bool { return w.Name == name })
}

// SameNames reports whether a and b are the same locks, in any order and mode.
func SameNames(a, b []rwlock.LockRequest) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(w rwlock.LockRequest) bool { return !Has(b, w.Name) })
}

// Quoted lists the quoted names of locks, as in `"/a" and "/b"`.
func Quoted(locks []rwlock.LockRequest) string {
	quoted := make([]string, len(locks))
	for i, l := range locks {
		quoted[i] = strconv.Quote(l.Name)
	}
	return format.List(quoted, "and")
}
