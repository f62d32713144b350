package keyspace

import (
	"slices"
	"strings"
)

// Prefixes are the prefixes of the keys to read, sorted, none of which begins with
// another: no key has two of them. Without any, they are all keys.
type Prefixes []string

// NewPrefixes returns the prefixes that cover the same keys as those given. Without
// any, or if one is empty, these are all keys.
func NewPrefixes(given ...string) Prefixes {
	var p Prefixes
	for _, prefix := range slices.Sorted(slices.Values(given)) {
		switch {
		case prefix == "":
			return nil
		case len(p) == 0 || !strings.HasPrefix(prefix, p[len(p)-1]): // the shorter of two comes first
			p = append(p, prefix)
		}
	}
	return p
}

// All reports whether the prefixes are all keys.
func (p Prefixes) All() bool { return len(p) == 0 }

// Has reports whether a key has one of the prefixes.
func (p Prefixes) Has(key string) bool {
	return p.All() || slices.ContainsFunc(p, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// Beside returns the prefix of a key that has none of the prefixes, up to the first slash
// after the place where it differs from all of them: of /a/c/d, beside /a/b/, that is
// /a/c/.
func (p Prefixes) Beside(key string) string {
	differs := 1
	for _, prefix := range p {
		n := 0
		for n < min(len(key), len(prefix)) && key[n] == prefix[n] {
			n++
		}
		differs = max(differs, n)
	}
	if i := strings.IndexByte(key[min(differs, len(key)):], '/'); i >= 0 {
		return key[:differs+i+1]
	}
	return key
}

// Ranges returns the ranges of the keys with the prefixes. There is at least one, and
// no key is in two.
func (p Prefixes) Ranges() []Range {
	if p.All() {
		return []Range{NewRange("")}
	}
	ranges := make([]Range, 0, len(p))
	for _, prefix := range p {
		ranges = append(ranges, NewRange(prefix))
	}
	return ranges
}

// Range is the keys with a prefix, as etcd takes them: see PrefixRange.
type Range struct{ Prefix, Start, End string }

// NewRange returns the range of all keys that begin with prefix.
func NewRange(prefix string) Range {
	start, end := PrefixRange(prefix)
	return Range{prefix, start, end}
}

// KeyRange returns the range of one key.
func KeyRange(key string) Range { return Range{key, key, key + "\x00"} }

// Has reports whether a key is in the range.
func (r Range) Has(key string) bool { return key >= r.Start && (key < r.End || r.End == "\x00") }

// PrefixRange returns the range of all keys that begin with prefix, as etcd takes
// it: from start on, before end. etcd has no empty key, so the empty prefix starts
// at the smallest key. The end "\x00" means all keys from start on.
func PrefixRange(prefix string) (start, end string) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix, prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	if prefix == "" {
		return "\x00", "\x00"
	}
	return prefix, "\x00"
}
