package layout

import "etcd-lock/internal/keyspace"

// InfoKeys returns the keys beside a lock that may say who holds it. They are few, and
// worth reading only for a lock that is looked at.
func (r *Rule) InfoKeys(lock string) []string {
	var keys []string
	s := r.scopeOf(lock)
	for i := range r.info {
		if key, ok := r.info[i].key.render(&s); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// InfoOwner returns the owner that a key beside a lock, one of InfoKeys, names. holder is
// the key of the request that holds the lock: an owner of another request is not returned,
// where the value says that. Otherwise the value may be older than the request.
func (r *Rule) InfoOwner(lock, holder string, beside KV) (keyspace.Owner, bool) {
	for i := range r.info {
		if o, ok := r.infoOwner(&r.info[i], lock, holder, beside); ok {
			return o, true
		}
	}
	return keyspace.Owner{}, false
}

func (r *Rule) infoOwner(in *info, lock, holder string, beside KV) (o keyspace.Owner, ok bool) {
	s := r.scopeOf(lock)
	s.key = holder
	if key, ok := in.key.render(&s); !ok || key != beside.Key {
		return o, false
	}
	f, problem := in.value.read(beside.Value)
	if problem != "" {
		return o, false
	}
	s.fields = f
	if in.value.check(&s, beside) != "" {
		return o, false
	}
	return in.owner.read(&s, beside.Value)
}
