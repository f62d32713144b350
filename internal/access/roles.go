// Package access says which of etcd's rights it takes to see, take and release locks:
// as roles to create, and as what a user may do.
package access

import (
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/printable"
)

// Role is a role to create in etcd, with one right for all keys that begin with a
// prefix.
type Role struct {
	Name       string
	Permission clientv3.PermissionType
	About      string
	Can        []string // in words
	Cannot     []string
}

// Roles returns the roles for people who inspect locks, release stuck ones, or try
// out locking.
func Roles() []Role {
	const (
		see  = "list, show and watch the locks below the prefix"
		ttl  = "see the remaining TTL of any session, for which etcd requires only a login"
		both = ", since etcd has one right for putting and deleting"
	)
	return []Role{
		{
			Name:       "etcd-lock-viewer",
			Permission: clientv3.PermissionType(clientv3.PermRead),
			About:      "reads locks below the prefix",
			Can:        []string{see, ttl},
			Cannot: []string{
				"list without the prefix, or with a shorter one",
				"see the keys of a session that has any elsewhere",
				"take or release locks, or end sessions that have any",
			},
		},
		{
			Name:       "etcd-lock-operator",
			Permission: clientv3.PermissionType(clientv3.PermReadWrite),
			About:      "reads locks below the prefix and releases them, whoever holds them",
			Can: []string{
				see, ttl,
				"delete requests",
				"end sessions whose keys all lie below the prefix",
				"take locks too" + both,
			},
			Cannot: []string{"end or renew a session that has a key elsewhere"},
		},
		{
			Name:       "etcd-lock-tester",
			Permission: clientv3.PermissionType(clientv3.PermReadWrite),
			About:      "takes locks below the prefix",
			Can: []string{
				see, ttl,
				"open sessions, for which etcd requires only a login",
				"take, hold and release locks below the prefix, and run scenarios on them",
				"release the locks of others too" + both,
			},
			Cannot: []string{"take locks elsewhere"},
		},
	}
}

// Right returns the role's permission as etcdctl names it.
func (r Role) Right() string {
	if r.Permission == clientv3.PermissionType(clientv3.PermRead) {
		return "read"
	}
	return "readwrite"
}

// Commands returns the commands that create the role, for a POSIX shell.
func (r Role) Commands(prefix string) []string {
	return []string{
		"etcdctl role add " + r.Name,
		"etcdctl role grant-permission --prefix=true " + r.Name + " " + r.Right() + " " + argument(prefix),
	}
}

// Grant returns the command that grants the role to the user USER.
func (r Role) Grant() string { return "etcdctl user grant-role USER " + r.Name }

// argument quotes s for a command that would take a leading dash for a flag.
func argument(s string) string {
	if strings.HasPrefix(s, "-") {
		return "-- " + printable.Shell(s)
	}
	return printable.Shell(s)
}
