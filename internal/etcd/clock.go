package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrNoClock says that an endpoint does not tell the time.
var ErrNoClock = errors.New("it serves no HTTP that has a date")

// Skew is how far the clock of another machine is ahead of the one here, or behind if it
// is negative, with a bound on the error of that.
type Skew struct{ Ahead, Within time.Duration }

// Skew asks an endpoint for the time. etcd's API has none; its HTTP server dates each
// answer, to the second.
func (c Config) Skew(ctx context.Context, endpoint string) (Skew, error) {
	tlsConfig, err := c.tlsConfig()
	if err != nil {
		return Skew{}, err
	}
	addr, ok := address(endpoint)
	if !ok {
		return Skew{}, ErrNoClock
	}
	scheme := "http"
	if tlsConfig != nil && !strings.HasPrefix(endpoint, "http://") {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+addr+"/version", http.NoBody)
	if err != nil {
		return Skew{}, err
	}
	transport := &http.Transport{TLSClientConfig: tlsConfig, DisableKeepAlives: true}
	asked := time.Now()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return Skew{}, fmt.Errorf("ask %s for the time: %w", endpoint, err)
	}
	_ = resp.Body.Close()
	took := time.Since(asked)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return Skew{}, ErrNoClock
	}
	const second = time.Second // the date is cut to it
	return Skew{Ahead: date.Add(second / 2).Sub(asked.Add(took / 2)), Within: (second + took) / 2}, nil
}
