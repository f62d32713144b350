package narrate

import "etcd-lock/internal/inspect"

// Alarm returns an alarm of etcd in words: what cannot be done now, what still can, and
// the etcdctl commands that help.
func Alarm(a inspect.Alarm) Text {
	switch a {
	case inspect.AlarmNoSpace:
		return Text{
			Headline: "etcd has the alarm NOSPACE: its space quota is used up, and no lock can be taken",
			Clauses: []string{
				"refused: writes of keys, new leases and sessions, and every transaction that may write a key",
				"still possible: reads, unlocking, renewals of sessions, the end of leases, and etcd-lock release",
				"what helps: etcdctl compact REVISION; etcdctl defrag --cluster; then etcdctl alarm disarm, or raise --quota-backend-bytes first",
			},
		}
	case inspect.AlarmCorrupt:
		return Text{
			Headline: "etcd has the alarm CORRUPT: its members have different data, and every write is refused",
			Clauses: []string{
				"refused: taking and releasing locks, also by etcd-lock release",
				"leases do not end: the locks of dead clients remain, and what is shown may differ from one member to another",
				"what helps: etcdctl endpoint hashkv --cluster shows which member differs; replace that member, then etcdctl alarm disarm",
			},
		}
	default:
		return Text{Headline: "etcd has the alarm " + string(a)}
	}
}
