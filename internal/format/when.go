package format

import (
	"errors"
	"time"
)

// The forms of a time. Those without a date are of the last time that was recorded, those
// without an offset are local.
var (
	times = []string{"15:04", "15:04:05"}
	dates = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05", time.DateOnly}
)

// ParseTime returns the time that a user means by 03:12, -2h, 2026-11-27T03:12:04Z or the
// like, given the time now and the last time that was recorded.
func ParseTime(s string, now, end time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d < 0 {
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, form := range dates {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	for _, form := range times {
		if t, err := time.Parse(form, s); err == nil {
			return lastTime(t, end), nil
		}
	}
	return time.Time{}, errors.New("must be a time such as 03:12, -2h or 2026-11-27T03:12:04Z")
}

// lastTime returns the last time of day, in local time, that is not after the end.
func lastTime(t, end time.Time) time.Time {
	end = end.Local()
	at := time.Date(end.Year(), end.Month(), end.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.Local)
	if at.After(end) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}
