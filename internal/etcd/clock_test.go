package etcd_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

func TestSkew(t *testing.T) {
	plain, secure := etcdtest.Start(t), etcdtest.StartSecure(t, true)
	for _, c := range []etcd.Config{{Endpoints: []string{plain}}, {Endpoints: []string{"http://" + plain + "/"}}, secure.Config("alice")} {
		skew, err := c.Skew(t.Context(), c.Endpoints[0])
		if err != nil || skew.Ahead.Abs() > skew.Within {
			t.Errorf("%q: this machine's clock is %s ahead of itself, within %s, %v", c.Endpoints, skew.Ahead, skew.Within, err)
		}
	}
	for date, ahead := range map[string]time.Duration{"": 0, "ahead": time.Hour, "behind": -time.Hour} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			if date != "" {
				w.Header().Set("Date", time.Now().UTC().Add(ahead).Format(http.TimeFormat))
			}
		}))
		skew, err := etcd.Config{}.Skew(t.Context(), server.URL)
		server.Close()
		if date == "" {
			if !errors.Is(err, etcd.ErrNoClock) {
				t.Errorf("without a date: %v, %v", skew, err)
			}
		} else if (skew.Ahead-ahead).Abs() > skew.Within || err != nil {
			t.Errorf("%s: %s within %s, %v", date, skew.Ahead, skew.Within, err)
		}
	}
	if _, err := (etcd.Config{}).Skew(t.Context(), "unix://localhost:1"); !errors.Is(err, etcd.ErrNoClock) {
		t.Errorf("a Unix socket: %v", err)
	}
}
