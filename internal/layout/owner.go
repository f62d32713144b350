package layout

import (
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
)

// owner says where in a value, or in a key, an owner is: templates of its parts.
type owner struct {
	recorded bool // the value is an owner as package rwlock writes it
	host     template
	pid      template
	program  template
	label    template
	time     template
}

func (o *owner) isZero() bool {
	return !o.recorded && o.host == nil && o.pid == nil && o.program == nil && o.label == nil && o.time == nil
}

// read reads an owner; not ok if nothing of it is known.
func (o *owner) read(s *scope, value []byte) (found keyspace.Owner, ok bool) {
	if o.recorded {
		if len(value) > maxOwner {
			return found, false
		}
		return keyspace.DecodeOwner(value)
	}
	found.Host, found.Program, found.Label = o.host.trimmed(s), o.program.trimmed(s), o.label.trimmed(s)
	if text := o.pid.trimmed(s); text != "" {
		if pid, err := strconv.Atoi(text); err == nil && pid > 0 {
			found.PID = pid
		}
	}
	if made, ok := parseTime(o.time.trimmed(s)); ok {
		found.Time = made
	}
	return found, found != keyspace.Owner{}
}

// trimmed returns a part of an owner, or nothing if it is not known.
func (t template) trimmed(s *scope) string {
	if t == nil {
		return ""
	}
	text, ok := t.render(s)
	if !ok {
		return ""
	}
	return cutText(strings.TrimSpace(text))
}

// maxOwner bounds the value that is read as an owner of package rwlock, in bytes.
const maxOwner = 16 << 10

// parseTime parses a time as JSON has it, or in milliseconds since 1970.
func parseTime(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms <= 0 || ms > maxMillis {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// maxMillis is the last millisecond of the year 9999, beyond which JSON has no times.
const maxMillis = 253402300799999
