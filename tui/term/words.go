package term

import (
	"context"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
)

// Age is the time from since to now in at most two units, "-" when unknown.
func Age(now, since time.Time) string {
	if since.IsZero() || now.IsZero() {
		return "-"
	}
	return Span(now.Sub(since))
}

// Span writes a duration in at most two units, whole seconds at the least.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return twoUnits(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return twoUnits(d, time.Hour, "h", time.Minute, "m")
	case d < 100*day:
		return twoUnits(d, day, "d", time.Hour, "h")
	default:
		return strconv.Itoa(int(d/day)) + "d"
	}
}

// Seconds writes a duration to a hundredth of a second.
func Seconds(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }

func twoUnits(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	s := strconv.Itoa(int(d/big)) + bigName
	if rest := d % big / small; rest > 0 {
		s += strconv.Itoa(int(rest)) + smallName
	}
	return s
}

// Count is n with its noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Plainly is an error without the package that it is from, and in no words of
// Go's.
func Plainly(err error) string {
	s := err.Error()
	for _, of := range []string{"inspect: ", "release: ", "rwlock: "} {
		s = strings.TrimPrefix(s, of)
	}
	return strings.ReplaceAll(s, context.DeadlineExceeded.Error(), "no answer in time")
}

// ShortReason is the part of an error that tells most in few words.
func ShortReason(err error) string {
	s := Plainly(err)
	if i := strings.LastIndex(s, "desc = "); i >= 0 {
		s = s[i+len("desc = "):]
	}
	s = strings.Trim(s, `"`)
	if i := strings.LastIndex(s, ": "); i >= 0 && len(s) > 40 {
		s = s[i+2:]
	}
	return Safe(s)
}

// Owner says who a client is: label program[pid]@host, as much of it as is
// known, "-" when it has written nothing.
func Owner(o keyspace.Owner, owned bool) string {
	if !owned {
		return "-"
	}
	who := o.Program
	if o.PID > 0 {
		if who == "" {
			who = "pid"
		}
		who += "[" + strconv.Itoa(o.PID) + "]"
	}
	if o.Host != "" {
		who += "@" + o.Host
	}
	who = strings.TrimSpace(o.Label + " " + who)
	if who == "" {
		return "-"
	}
	return Safe(who)
}

// Lease writes a lease as etcdctl does. The leases of one member begin
// alike, so a narrow column shows their ends.
func Lease(lease int64, w int) string {
	if lease == 0 {
		return "none"
	}
	s := strconv.FormatUint(uint64(lease), 16)
	if len(s) > w && w > 1 {
		return "…" + s[len(s)-w+1:]
	}
	return s
}
