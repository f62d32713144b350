// Package deterministic runs package rwlock and internal/inspect on the etcd of
// internal/simetcd, in virtual time: one seed is one schedule, which can be replayed and
// shrunk. It has tests only.
package deterministic
