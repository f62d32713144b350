package format

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	end := time.Date(2026, 11, 27, 9, 30, 0, 0, time.Local)
	now := end.Add(3 * time.Hour)
	day := func(d, h, m, s int) time.Time { return time.Date(2026, 11, d, h, m, s, 0, time.Local) }
	tests := map[string]time.Time{
		"03:12":                day(27, 3, 12, 0),
		"09:30:00":             day(27, 9, 30, 0),
		"09:30:01":             day(26, 9, 30, 1),
		"-2h":                  day(27, 10, 30, 0),
		"2026-11-26T03:12":     day(26, 3, 12, 0),
		"2026-11-26 03:12:04":  day(26, 3, 12, 4),
		"2026-11-26":           day(26, 0, 0, 0),
		"2026-11-27T03:12:04Z": time.Date(2026, 11, 27, 3, 12, 4, 0, time.UTC),
	}
	for s, want := range tests {
		if got, err := ParseTime(s, now, end); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "2h", "24:00", "yesterday"} {
		if got, err := ParseTime(s, now, end); err == nil {
			t.Errorf("%q: %v, want an error", s, got)
		}
	}
}
