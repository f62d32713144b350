package keyspace

// PrefixRange returns the range of all keys that begin with prefix, as etcd takes
// it: from start on, before end. etcd has no empty key, so the empty prefix starts
// at the smallest key. The end "\x00" means all keys from start on.
func PrefixRange(prefix string) (start, end string) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix, prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	if prefix == "" {
		return "\x00", "\x00"
	}
	return prefix, "\x00"
}
