// Package access says what of etcd's rights it takes to see, take and release
// locks: as roles to make, and as what a user may do.
package access

import (
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/printable"
)

// Role is a role to make in etcd, with one right on all keys that begin with a
// prefix.
type Role struct {
	Name       string
	Permission clientv3.PermissionType
	About      string
	Can        []string // in words
	Cannot     []string
}

// Roles are those that people need who look at locks, clear up stuck ones, or
// try locking out.
func Roles() []Role {
	const (
		see  = "list, show and watch the locks below the prefix"
		ttl  = "see what is left of any session's time to live, for which etcd asks for a login only"
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
			About:      "reads locks below the prefix and releases them, whoever has them",
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
				"open sessions, for which etcd asks for a login only",
				"take, hold and release locks below the prefix, and run scenarios on them",
				"release the locks of others too" + both,
			},
			Cannot: []string{"take locks elsewhere"},
		},
	}
}

// Right is the role's permission as etcdctl names it.
func (r Role) Right() string {
	if r.Permission == clientv3.PermissionType(clientv3.PermRead) {
		return "read"
	}
	return "readwrite"
}

// Commands make the role, for a POSIX shell.
func (r Role) Commands(prefix string) []string {
	return []string{
		"etcdctl role add " + r.Name,
		"etcdctl role grant-permission --prefix=true " + r.Name + " " + r.Right() + " " + argument(prefix),
	}
}

// Grant gives the role to a user, who is to be put in for USER.
func (r Role) Grant() string { return "etcdctl user grant-role USER " + r.Name }

// argument is s for a command that would take a dash for a flag.
func argument(s string) string {
	if strings.HasPrefix(s, "-") {
		return "-- " + printable.Shell(s)
	}
	return printable.Shell(s)
}
