package narrate

import (
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/servers"
)

// ofCluster returns a finding about etcd itself in words. For an alarm these are what
// cannot be done now, what still can, and the etcdctl commands that help.
func (t Tense) ofCluster(f diagnose.Finding) Text {
	switch f.Kind {
	case diagnose.OldServer:
		return oldServer(f)
	case diagnose.Proxy:
		return Text{
			Headline: "etcd is reached through a proxy such as its grpc-proxy, which passes on less than etcd says",
			Clauses: []string{
				"seen by this: it lacks a service that every etcd server has",
				"it does not say how far a watch has got, nor that a member has no leader, and answers some reads from a cache; etcd-lock reads past that cache",
				"with authentication enabled, no session can be renewed through it: a lock is lost when its TTL is over",
			},
		}
	case diagnose.NoSpace:
		return Text{
			Headline: "etcd has the alarm NOSPACE: its space quota is used up, and no lock can be taken",
			Clauses: []string{
				"refused: writes of keys, new leases and sessions, and every transaction that may write a key",
				"still possible: reads, unlocking, renewals of sessions, the end of leases, and etcd-lock release",
				"what helps: " + t.to.EtcdctlLine("compact", "REVISION") + "; " + t.to.EtcdctlLine("defrag", "--cluster") + "; then " + t.to.EtcdctlLine("alarm", "disarm") + ", or raise --quota-backend-bytes first",
				"with authentication enabled, defrag and disarm take a user with the role root",
			},
		}
	case diagnose.Corrupt:
		return Text{
			Headline: "etcd has the alarm CORRUPT: its members have different data, and every write is refused",
			Clauses: []string{
				"refused: taking and releasing locks, also by etcd-lock release",
				"leases do not end: the locks of dead clients remain, and what is shown may differ from one member to another",
				"what helps: " + t.to.EtcdctlLine("endpoint", "hashkv", "--cluster") + " shows which member differs; replace that member, then " + t.to.EtcdctlLine("alarm", "disarm"),
				"with authentication enabled, hashkv and disarm take a user with the role root",
			},
		}
	default:
		return Text{Headline: string(f.Kind)}
	}
}

// oldServer says what the faults of a version do to locks, and which release mends each.
func oldServer(f diagnose.Finding) Text {
	version := f.Servers[0].Version
	names := make([]string, 0, len(f.Servers))
	for _, s := range f.Servers {
		names = append(names, serverName(s))
	}
	runs, has := " runs etcd ", ", which has "
	if len(names) > 1 {
		runs = " run etcd "
	}
	t := Text{Headline: list(names) + runs + version + has + format.Count(len(f.Faults), "known fault that touches locks", "known faults that touch locks")}
	for _, fault := range f.Faults {
		t.Clauses = append(t.Clauses, faultWords[fault.Kind]+"; mended in "+fault.MendedIn(version)+" ("+fault.Source+")")
	}
	return t
}

// serverName names a member by its ID if it has no name.
func serverName(s inspect.Server) string {
	if s.Name != "" {
		return "member " + s.Name
	}
	return "member " + strconv.FormatUint(s.ID, 16)
}

// faultWords say what faults do to locks.
var faultWords = map[servers.Kind]string{
	servers.Inconsistent:   "a member that was killed may have other data than the rest, so that clients of different members see different holders",
	servers.WrongRevoke:    "a leader that was stuck and replaced may revoke leases that clients renew: a holder that is alive loses its lock",
	servers.RenewedRevoked: "a renewal may succeed for a lease that is being revoked: its client believes for up to a TTL more that it holds the lock",
	servers.StaleRead:      "a linearizable read may return an earlier state after a change of the leader or a pause of a member: what is shown, and what a holder reads, may be out of date",
	servers.LostEvents:     "a watch may lose events around a compaction: a waiter may not notice that a lock was released",
	servers.EarlyProgress:  "a watch is said to be up to date before its events are sent: programs that believe it show locks as they were; etcd-lock does not believe it",
	servers.WatchRights:    "a user with the permission to read one key can watch all keys after it, and so the names and owners of their locks",
}
