package access

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/authpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// rootRole has all rights, and need not exist as a role.
const rootRole = "root"

// Range is a range of keys as in etcd's permissions: an empty End means the key
// alone, and "\x00" no end.
type Range struct{ Key, End string }

// String returns the range in words.
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

// Prefix reports whether the range is that of all keys with a prefix, and returns the
// prefix.
func (r Range) Prefix() (prefix string, ok bool) {
	if r.End == "\x00" && (r.Key == "" || r.Key == "\x00") {
		return "", true
	}
	_, end := keyspace.PrefixRange(r.Key)
	return r.Key, r.End == end
}

// Grants are a user's rights.
type Grants struct {
	Roles       []string
	Read, Write []Range
}

// FindGrants returns a user's rights. Every user may read their own.
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

// String returns what the user may do, in words that follow the user's name.
func (g Grants) String() string {
	return "may read " + Words(g.Read) + ", and write " + Words(g.Write)
}

// Words returns ranges in words.
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
