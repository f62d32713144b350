package access

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/authpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// rootRole has all permissions, and need not exist as a role.
const rootRole = "root"

// Range is a range of keys as in etcd: without End it is the key alone, and with
// "\x00" it has no end.
type Range struct{ Key, End string }

// String describes the range.
func (r Range) String() string {
	prefix, isPrefix := r.Prefix()
	switch {
	case isPrefix && prefix == "":
		return "all keys"
	case r.End == "":
		return "the key " + strconv.Quote(r.Key)
	case isPrefix:
		return "keys that begin with " + strconv.Quote(r.Key)
	case r.End == "\x00":
		return "keys from " + strconv.Quote(r.Key) + " on"
	default:
		return "keys from " + strconv.Quote(r.Key) + " to before " + strconv.Quote(r.End)
	}
}

// Prefix returns the prefix that all keys of the range begin with. It reports false
// for a range that is not a prefix.
func (r Range) Prefix() (prefix string, ok bool) {
	if r.End == "\x00" && (r.Key == "" || r.Key == "\x00") {
		return "", true
	}
	_, end := keyspace.PrefixRange(r.Key)
	return r.Key, r.End == end
}

// Grants are the permissions of a user.
type Grants struct {
	Roles       []string
	Read, Write []Range
}

// FindGrants reads the permissions of a user. etcd permits users to read their own.
func FindGrants(ctx context.Context, client clientv3.Auth, user string) (Grants, error) {
	u, err := client.UserGet(ctx, user)
	if err != nil {
		return Grants{}, fmt.Errorf("access: user %q: %w", user, err)
	}
	g := Grants{Roles: u.Roles}
	for _, name := range u.Roles {
		if name == rootRole {
			g.add(&authpb.Permission{PermType: clientv3.PermReadWrite, Key: []byte("\x00"), RangeEnd: []byte("\x00")})
			continue
		}
		role, err := client.RoleGet(ctx, name)
		if err != nil {
			return Grants{}, fmt.Errorf("access: role %q: %w", name, err)
		}
		for _, p := range role.Perm {
			g.add(p)
		}
	}
	return g, nil
}

func (g *Grants) add(p *authpb.Permission) {
	r := Range{Key: string(p.Key), End: string(p.RangeEnd)}
	if p.PermType != clientv3.PermWrite {
		g.Read = append(g.Read, r)
	}
	if p.PermType != clientv3.PermRead {
		g.Write = append(g.Write, r)
	}
}

// ReadPrefixes returns the prefixes of the ranges that the user may read, and single keys
// that no other of these prefixes begins with. Other ranges are left out.
func (g Grants) ReadPrefixes() []string {
	var prefixes, keys []string
	for _, r := range g.Read {
		if p, ok := r.Prefix(); ok {
			prefixes = append(prefixes, p)
		} else if r.End == "" || r.End == r.Key+"\x00" {
			keys = append(keys, r.Key)
		}
	}
	for _, key := range keys {
		if !slices.ContainsFunc(slices.Concat(prefixes, keys), func(p string) bool { return p != key && strings.HasPrefix(p, key) }) {
			prefixes = append(prefixes, key)
		}
	}
	return prefixes
}

// String describes what the user may do, to follow the name of the user.
func (g Grants) String() string {
	return "may read " + Words(g.Read) + ", and write " + Words(g.Write)
}

// Words describes ranges.
func Words(ranges []Range) string {
	var all []string
	for _, r := range ranges {
		all = append(all, r.String())
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}
