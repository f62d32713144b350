package cli

import (
	"context"
	"slices"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/patrol"
)

// writeFindings prints findings without remedies.
func writeFindings(out output.Printer, findings []diagnose.Finding) error {
	t := lineWriter{out: out}
	t.findings(findings)
	return t.err
}

// split separates findings that are so from the others.
func split(findings []diagnose.Finding, so func(diagnose.Finding) bool) (these, others []diagnose.Finding) {
	for _, f := range findings {
		if so(f) {
			these = append(these, f)
		} else {
			others = append(others, f)
		}
	}
	return these, others
}

// proxyRenewsNothing is what a holder of a lock has to know of a proxy.
const proxyRenewsNothing = "etcd is reached through a proxy: with authentication enabled, etcd's grpc-proxy renews no session, so that locks are lost when their TTL is over"

// sayTroubles returns connect with a report of etcd's alarms, and of a proxy through
// which sessions cannot be renewed. What cannot be read is not reported, nor what does
// not keep locks from being taken and held: a program that is to run under a lock is not
// about that.
func sayTroubles(connectTo func(context.Context) (*connect.Conn, error), report func(string)) func(context.Context) (*connect.Conn, error) {
	return func(ctx context.Context) (*connect.Conn, error) {
		c, err := connectTo(ctx)
		if err != nil {
			return nil, err
		}
		findings, _ := patrol.Cluster(ctx, c)
		alarms, _ := split(findings, diagnose.Finding.IsAlarm)
		for _, f := range alarms {
			text := narrate.Present.Finding(f)
			report(text.Headline)
			for _, clause := range text.Clauses {
				report(clause)
			}
		}
		if c.User != "" && slices.ContainsFunc(findings, func(f diagnose.Finding) bool { return f.Kind == diagnose.Proxy }) {
			report(proxyRenewsNothing)
		}
		return c, nil
	}
}
