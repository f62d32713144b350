package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/srv"

	"etcd-lock/internal/hint"
)

// Discovery finds the endpoints of an etcd in DNS, as etcdctl does.
type Discovery struct {
	Domain   string // whose SRV records to look up; none when empty
	Service  string // suffix of the service's name, as in _etcd-client-ssl-SUFFIX
	Insecure bool   // take endpoints without TLS too, and certificates for any name in them
}

// Discover returns the configuration with the endpoints that the SRV records of
// _etcd-client-ssl._tcp and _etcd-client._tcp name. Without a domain, the configuration
// stays as it is.
func (c Config) Discover(ctx context.Context, d Discovery) (Config, error) {
	if d.Domain == "" {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	found, err := lookUp(ctx, d)
	if err != nil {
		return c, hint.Add(fmt.Errorf("find etcd by the SRV records of %s: %w", d.Domain, err),
			"are --discovery-srv and --discovery-srv-name right? --endpoints names etcd without DNS")
	}
	c.Endpoints = nil
	for _, endpoint := range found {
		if d.Insecure || strings.HasPrefix(endpoint, "https://") {
			c.Endpoints = append(c.Endpoints, endpoint)
		}
	}
	switch {
	case len(found) == 0:
		return c, fmt.Errorf("%s has no SRV records of etcd", d.Domain)
	case len(c.Endpoints) == 0:
		return c, fmt.Errorf("the SRV records of %s name endpoints without TLS only, and --insecure-discovery=false excludes them", d.Domain)
	case !d.Insecure:
		c.ServerName = d.Domain
	}
	return c, c.CheckTLS()
}

// lookUp looks up the endpoints. The library's look-up takes no context, so one that hangs
// is left to itself.
func lookUp(ctx context.Context, d Discovery) ([]string, error) {
	type answer struct {
		clients *srv.SRVClients
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		clients, err := srv.GetClient("etcd-client", d.Domain, d.Service)
		answers <- answer{clients, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, a.err
		}
		return a.clients.Endpoints, nil
	case <-ctx.Done():
		return nil, errors.New("DNS did not answer in time")
	}
}
