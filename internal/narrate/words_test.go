package narrate

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		20*time.Second + 400*1000*1000:  "20s",
		95 * time.Second:                "1m35s",
		5 * time.Minute:                 "5m",
		10*time.Minute + 31*time.Second: "11m",
		time.Hour:                       "1h",
		100*time.Hour + 5*time.Minute:   "100h5m",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
}
