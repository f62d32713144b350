package cli

import (
	"context"
	"fmt"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// readCluster returns what is wrong with etcd itself, and what remains unknown if that
// fails.
func readCluster(ctx context.Context, c *connect.Conn) (findings []diagnose.Finding, unknown []string) {
	var cluster inspect.Cluster
	err := c.Do(ctx, func(ctx context.Context) (err error) {
		cluster, err = c.Source.Cluster(ctx)
		return err
	})
	if err != nil {
		return nil, []string{fmt.Sprintf("whether etcd has alarms and refuses writes, and which versions its members have: %v", err)}
	}
	return diagnose.Cluster(cluster), nil
}

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

// sayAlarms returns connect with a report of etcd's alarms. What cannot be read is not
// reported, nor what does not keep the locks from being taken: a program that is to run
// under a lock is not about that.
func sayAlarms(connectTo func(context.Context) (*connect.Conn, error), report func(string)) func(context.Context) (*connect.Conn, error) {
	return func(ctx context.Context) (*connect.Conn, error) {
		c, err := connectTo(ctx)
		if err != nil {
			return nil, err
		}
		findings, _ := readCluster(ctx, c)
		alarms, _ := split(findings, diagnose.Finding.IsAlarm)
		for _, f := range alarms {
			text := narrate.Present.Finding(f)
			report(text.Headline)
			for _, clause := range text.Clauses {
				report(clause)
			}
		}
		return c, nil
	}
}
