// Package access knows which etcd permissions it takes to inspect, acquire and
// release locks: as roles to create, and as a check of what a user may do.
package access

import (
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cmdline"
)

// Role is a role to create in etcd, with one permission on all keys that begin with
// a prefix.
type Role struct {
	Name       string
	Permission clientv3.PermissionType
	About      string
	Can        []string // descriptions
	Cannot     []string
}

// Roles returns the roles for inspecting locks, for releasing stuck ones and for
// trying locking out.
func Roles() []Role {
	const (
		see  = "list, show and watch the locks below the prefix"
		ttl  = "see the remaining TTL of any session, which only takes a login"
		both = ", because etcd has one permission for putting and deleting"
	)
	return []Role{
		{
			Name:       "etcd-lock-viewer",
			Permission: clientv3.PermissionType(clientv3.PermRead),
			About:      "reads locks below the prefix",
			Can:        []string{see, ttl},
			Cannot: []string{
				"list without the prefix, or with a shorter one",
				"see the keys of a session that has keys elsewhere",
				"acquire or release locks, or end sessions that have keys",
			},
		},
		{
			Name:       "etcd-lock-operator",
			Permission: clientv3.PermissionType(clientv3.PermReadWrite),
			About:      "reads locks below the prefix, and releases those of any client",
			Can: []string{
				see, ttl,
				"delete requests",
				"end sessions whose keys are all below the prefix",
				"acquire locks" + both,
			},
			Cannot: []string{"end or renew a session that has a key elsewhere"},
		},
		{
			Name:       "etcd-lock-tester",
			Permission: clientv3.PermissionType(clientv3.PermReadWrite),
			About:      "acquires locks below the prefix",
			Can: []string{
				see, ttl,
				"open sessions, which only takes a login",
				"acquire, hold and release locks below the prefix, and run scenarios on them",
				"release the locks of other clients" + both,
			},
			Cannot: []string{"acquire locks elsewhere"},
		},
	}
}

// PermissionName returns the role's permission as etcdctl names it.
func (r Role) PermissionName() string {
	if r.Permission == clientv3.PermissionType(clientv3.PermRead) {
		return "read"
	}
	return "readwrite"
}

// Commands returns the commands that create the role, for a POSIX shell, with these flags.
func (r Role) Commands(to cmdline.Flags, prefix string) []string {
	grant := []string{"role", "grant-permission", "--prefix=true", r.Name, r.PermissionName(), prefix}
	if strings.HasPrefix(prefix, "-") { // which is no flag
		grant = slices.Insert(grant, len(grant)-1, "--")
	}
	return []string{to.EtcdctlLine("role", "add", r.Name), to.EtcdctlLine(grant...)}
}

// Grant returns the command that grants the role to a user, with USER to be
// replaced by the name, and with these flags.
func (r Role) Grant(to cmdline.Flags) string {
	return to.EtcdctlLine("user", "grant-role", "USER", r.Name)
}
