package recording

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/format"
)

// Age is the value of a flag: a duration, which may be in days.
type Age time.Duration

// Set implements pflag.Value.
func (a *Age) Set(s string) error {
	var d time.Duration
	var err error
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return errors.New("must be a duration of more than 0, such as 7d or 12h")
	}
	*a = Age(d)
	return nil
}

// String implements pflag.Value.
func (a *Age) String() string {
	const day = 24 * time.Hour
	if d := time.Duration(*a); d%day == 0 && d > 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return time.Duration(*a).String()
}

// Type implements pflag.Value.
func (a *Age) Type() string { return "duration" }

// Size is the value of a flag: a number of bytes.
type Size int64

// units of a Size, in the order in which they are tried.
var units = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// Set implements pflag.Value.
func (b *Size) Set(s string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n <= 0 || n > 1<<62/u.bytes {
			break
		}
		*b = Size(n * u.bytes)
		return nil
	}
	return errors.New("must be a size of more than 0, such as 1GiB or 500MiB")
}

// String implements pflag.Value.
func (b *Size) String() string {
	for _, u := range units {
		if n := int64(*b); n%u.bytes == 0 && n > 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return "0"
}

// Type implements pflag.Value.
func (b *Size) Type() string { return "size" }

// moment is the value of a flag: a time as format.ParseTime takes it.
type moment string

// Set implements pflag.Value.
func (m *moment) Set(s string) error {
	_, err := format.ParseTime(s, time.Now(), time.Now())
	*m = moment(s)
	return err
}

// String implements pflag.Value.
func (m *moment) String() string { return string(*m) }

// Type implements pflag.Value.
func (m *moment) Type() string { return "string" }
