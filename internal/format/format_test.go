package format_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
)

func TestLease(t *testing.T) {
	for id, want := range map[int64]string{
		1:                  "0000000000000001",
		0x72c7a20732ff0364: "72c7a20732ff0364",
		math.MaxInt64:      "7fffffffffffffff",
		math.MinInt64:      "8000000000000000",
		-1:                 "ffffffffffffffff",
	} {
		if got := format.Lease(id); got != want {
			t.Errorf("Lease(%d) = %q, want %q", id, got, want)
		}
		if got, err := format.ParseLease(format.Lease(id)); got != id || err != nil {
			t.Errorf("Lease(%d) reads back as %d, %v", id, got, err)
		}
		if got, err := format.ParseLease(strconv.FormatInt(id, 16)); got != id || err != nil {
			t.Errorf("%d as etcdctl reads it: %d, %v", id, got, err)
		}
	}
}

func TestParseLease(t *testing.T) {
	for s, want := range map[string]int64{
		"1f": 31, "001F": 31, "-1f": -31, "": 0, "0": 0, "-": 0, "0x1f": 0, "1g": 0, "10000000000000000": 10_000_000_000_000_000, "9223372036854775808": 0, "7587862094548377607": 7587862094548377607, "-7587862094548377607": -7587862094548377607, "+10000000000000000": 0, "-0": 0, "1_f": 0,
	} {
		if got, err := format.ParseLease(s); got != want || (err == nil) != (want != 0) {
			t.Errorf("ParseLease(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
}

func TestShortLease(t *testing.T) {
	for width, want := range map[int]string{0: "72c7a20732ff0364", 2: "…4", 8: "…2ff0364", 15: "…c7a20732ff0364", 16: "72c7a20732ff0364", 80: "72c7a20732ff0364"} {
		if got := format.ShortLease(0x72c7a20732ff0364, width); got != want {
			t.Errorf("ShortLease(%d) = %q, want %q", width, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	for want, o := range map[string]keyspace.Owner{
		"":                      {},
		"billing worker[42]@w1": {Label: "billing", Program: "worker", PID: 42, Host: "w1"},
		"worker[42]@w1":         {Program: "worker", PID: 42, Host: "w1"},
		"pid[7]":                {PID: 7},
		"worker":                {Program: "worker"},
		"@h":                    {Host: "h"},
		"label":                 {Label: "label"},
		"label @h":              {Label: "label", Host: "h"},
	} {
		if got := format.Owner(o); got != want {
			t.Errorf("Owner(%+v) = %q, want %q", o, got, want)
		}
	}
}

func TestClient(t *testing.T) {
	for _, tt := range []struct {
		owner     keyspace.Owner
		lease     int64
		key, want string
	}{
		{keyspace.Owner{Program: "p"}, 31, "/a/read/1", "p"},
		{keyspace.Owner{Under: "k"}, 31, "/a/read/1", "lease 000000000000001f"},
		{keyspace.Owner{}, 0, "/a/read/1", "key /a/read/1"},
	} {
		if got := format.Client(tt.owner, tt.lease, tt.key); got != tt.want {
			t.Errorf("Client = %q, want %q", got, tt.want)
		}
	}
}

func TestDurations(t *testing.T) {
	const ms, day = time.Millisecond, 24 * time.Hour
	for _, tt := range []struct {
		d                  time.Duration
		age, long, latency string
	}{
		{-time.Second, "0s", "0s", "-1s"},
		{0, "0s", "0s", "0s"},
		{1234567, "0s", "0s", "1.23ms"},
		{1999 * ms, "1s", "2s", "2s"},
		{59960 * ms, "59s", "1m", "1m0s"},
		{90500 * ms, "1m30s", "1m31s", "1m30.5s"},
		{5 * time.Minute, "5m", "5m", "5m0s"},
		{time.Hour - ms, "59m59s", "1h", "1h0m0s"},
		{100*time.Minute + 50*time.Second, "1h40m", "1h41m", "1h40m50s"},
		{26*time.Hour + 30*time.Minute, "1d2h", "1d3h", "26h30m0s"},
		{200*day + time.Hour, "200d", "200d", "4805h33m20s"},
		{99_999 * day, "99999d", "99999d", "2400000h0m0s"},
		{100_000 * day, "273y", "273y", "2400000h0m0s"},
		{math.MaxInt64, "292y", "292y", "2561111h6m40s"},
		{math.MinInt64, "0s", "0s", "-2562047h47m16.854775808s"},
	} {
		if got := format.Age(tt.d); got != tt.age {
			t.Errorf("Age(%v) = %q, want %q", tt.d, got, tt.age)
		}
		if got := format.Duration(tt.d); got != tt.long {
			t.Errorf("Duration(%v) = %q, want %q", tt.d, got, tt.long)
		}
		if got := format.Latency(tt.d); got != tt.latency {
			t.Errorf("Latency(%v) = %q, want %q", tt.d, got, tt.latency)
		}
	}
	if got := format.Clock(1234567 * time.Microsecond); got != "1.235s" {
		t.Errorf("Clock = %q", got)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		t, now time.Time
		want   string
	}{
		{now.Add(-time.Minute), now, "1m"},
		{time.Time{}, now, "-"},
		{now, time.Time{}, "-"},
	} {
		if got := format.Since(tt.t, tt.now); got != tt.want {
			t.Errorf("Since = %q, want %q", got, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		format.Count(0, "lock", "locks"):                  "0 locks",
		format.Count(1, "lock", "locks"):                  "1 lock",
		format.List([]string{}, "and"):                    "",
		format.List([]string{"a"}, "and"):                 "a",
		format.List([]string{"a", "b"}, "or"):             "a or b",
		format.List([]string{"a", "b", "c"}, "and"):       "a, b and c",
		format.Some([]string{"a", "b", "c", "d"}, 3):      "a, b, c and d",
		format.Some([]string{"a", "b", "c", "d", "e"}, 3): "a, b, c and 2 more",
		format.Dash("") + format.Dash("x"):                "-x",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What lasted no longer than that is not said to be shorter than it may be.
func TestAgeUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1: "1s", 12 * time.Minute: "12m", 12*time.Minute + 1: "12m1s", time.Hour - 1: "1h",
		3*time.Hour + time.Second: "3h1m", 24*time.Hour - 1: "1d", 26*time.Hour + 1: "1d3h", 200*24*time.Hour + 1: "201d", math.MaxInt64: "292y",
	} {
		if got := format.AgeUp(d); got != want {
			t.Errorf("AgeUp(%d) = %q, want %q", d, got, want)
		}
	}
}
