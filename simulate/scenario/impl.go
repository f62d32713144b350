package scenario

import (
	"fmt"
	"slices"

	"etcd-lock/internal/format"
)

// Impl is an implementation of locks on etcd.
type Impl string

// The implementations. Clients of a scenario can use the first two, those of a load
// all of them.
const (
	ImplRWLock Impl = "rwlock" // package rwlock
	ImplRecipe Impl = "recipe" // RWMutex of etcd's client/v3/experimental/recipes
	ImplMutex  Impl = "mutex"  // Mutex of etcd's client/v3/concurrency
)

// Impls returns all implementations.
func Impls() []Impl { return []Impl{ImplRWLock, ImplRecipe, ImplMutex} }

// ParseImpl returns the implementation of that name.
func ParseImpl(s string) (Impl, error) {
	if !slices.Contains(Impls(), Impl(s)) {
		return "", fmt.Errorf("unknown implementation %q: want %s", s, format.List(Impls(), "or"))
	}
	return Impl(s), nil
}

// Exclusive reports whether the implementation has no read mode: its readers exclude
// each other, as writers do.
func (i Impl) Exclusive() bool { return i == ImplMutex }
