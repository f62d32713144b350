package format

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// Duration returns a duration for people: rounded to tenths of a second below a
// minute, and to two units from there on, as in "1.2s", "1m31s" and "2d3h". A
// negative one, from clocks that disagree, is "0s".
func Duration(d time.Duration) string {
	switch d = max(d, 0); {
	case d.Round(time.Second/10) < time.Minute:
		return d.Round(time.Second / 10).String()
	case d.Round(time.Second) < time.Hour:
		return units(d.Round(time.Second))
	case d.Round(time.Minute) < day:
		return units(d.Round(time.Minute))
	default:
		return units(d.Round(time.Hour))
	}
}

// Age is Duration in whole units that have passed, never more than that: it is
// for what is looked at again each second.
func Age(d time.Duration) string { return units(max(d, 0)) }

// AgeUp is Age rounded up, for what has lasted no longer than that.
func AgeUp(d time.Duration) string {
	unit := time.Second
	switch {
	case d >= 100*day:
		unit = day
	case d >= day:
		unit = time.Hour
	case d >= time.Hour:
		unit = time.Minute
	}
	if rest := max(d, 0) % unit; rest > 0 && d <= math.MaxInt64-unit {
		d += unit - rest
	}
	return Age(d)
}

// Since is the age of something at a time; "-" when either is unknown.
func Since(t, now time.Time) string {
	if t.IsZero() || now.IsZero() {
		return "-"
	}
	return Age(now.Sub(t))
}

// units returns the two biggest units of a duration, the first one alone from 100
// days on. So that it fits into six cells, it is years, of 365 days, from 100,000 days on.
func units(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return two(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return two(d, time.Hour, "h", time.Minute, "m")
	case d < 100*day:
		return two(d, day, "d", time.Hour, "h")
	case d < 100_000*day:
		return strconv.Itoa(int(d/day)) + "d"
	default:
		return strconv.Itoa(int(d/(365*day))) + "y"
	}
}

func two(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	s := strconv.Itoa(int(d/big)) + bigName
	if rest := d % big / small; rest > 0 {
		s += strconv.Itoa(int(rest)) + smallName
	}
	return s
}

// Latency returns a duration to three digits, as in "1.23ms".
func Latency(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// Brief is Latency for what is shorter than ten seconds, and Duration else.
func Brief(d time.Duration) string {
	if d < 10*time.Second {
		return Latency(d)
	}
	return Duration(d)
}

// Clock returns a point in time of a run: the seconds since its beginning, to the
// millisecond, as in "1.234s".
func Clock(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
