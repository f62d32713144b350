// Package inspect reads the locks of an etcd as values: who holds them, who waits for
// them, and what is wrong. It is what etcd-lock shows, for programs.
//
// It knows the locks of package rwlock, those of etcd's own client, etcdctl and recipes,
// and those of other software, such as Patroni, Vitess and Kubernetes; see
// docs/layouts.md. It writes nothing to etcd.
//
// # What is not known
//
// Clients of some layouts leave no trace while they wait: then Lock.WaitersKnown is
// false, and the absence of waiters says nothing. etcd keeps no times: a request was made
// when its owner says so, or when a watch saw that; otherwise Request.Made is zero. Whether
// a client is alive is seen from its lease alone, so a finding about one that does not
// renew it is a suspicion.
package inspect
