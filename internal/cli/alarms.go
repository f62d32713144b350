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

// readAlarms returns etcd's alarms, and what remains unknown if that fails.
func readAlarms(ctx context.Context, c *connect.Conn) (alarms []inspect.Alarm, unknown []string) {
	err := c.Do(ctx, func(ctx context.Context) (err error) {
		alarms, err = c.Source.Alarms(ctx)
		return err
	})
	if err != nil {
		return nil, []string{fmt.Sprintf("whether etcd has alarms and refuses writes: %v", err)}
	}
	return alarms, nil
}

// newAlarmDocs returns alarms as findings of the whole cluster.
func newAlarmDocs(alarms []inspect.Alarm) []findingDoc {
	docs := make([]findingDoc, 0, len(alarms))
	for _, a := range alarms {
		text := narrate.Alarm(a)
		docs = append(docs, findingDoc{
			Kind: string(a), Severity: diagnose.Critical.String(), Text: text.Headline, Clauses: text.Clauses,
			Locks: []string{}, Sessions: []string{}, Remedies: []remedyDoc{},
		})
	}
	return docs
}

// writeAlarms prints alarms as critical findings.
func writeAlarms(out output.Printer, alarms []inspect.Alarm) error {
	for _, a := range alarms {
		text := narrate.Alarm(a)
		tag := output.Cell{Text: diagnose.Critical.String(), Tone: severityTone(diagnose.Critical)}
		if err := out.Sentences("", tag, append([]string{text.Headline}, text.Clauses...)...); err != nil {
			return err
		}
	}
	return nil
}

// sayAlarms returns connect with a report of etcd's alarms. One that cannot be read is
// not reported: a program that is to run under a lock is not about them.
func sayAlarms(connectTo func(context.Context) (*connect.Conn, error), report func(string)) func(context.Context) (*connect.Conn, error) {
	return func(ctx context.Context) (*connect.Conn, error) {
		c, err := connectTo(ctx)
		if err != nil {
			return nil, err
		}
		alarms, _ := readAlarms(ctx, c)
		for _, a := range alarms {
			text := narrate.Alarm(a)
			report(text.Headline)
			for _, clause := range text.Clauses {
				report(clause)
			}
		}
		return c, nil
	}
}
