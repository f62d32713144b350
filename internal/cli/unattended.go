package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/export"
	"etcd-lock/internal/cli/recording"
)

const recordLong = `Records the locks whose keys begin with a PREFIX, or all locks, in the folder DIR, until
it is interrupted. It is made to run unattended, beside etcd's users, from long before
anything goes wrong: etcd keeps no times, and soon forgets what it had.

  etcd-lock ls, show and why read the recording with --recording DIR, as at a time or a
  revision, and etcd-lock watch says what happened from then on.

It records the requests for each lock with their owners and leases, each change with its
time and revision, why requests ended, the TTLs of the leases that matter most, problems
as why finds them, and when etcd did not answer. It does not record values of keys.
docs/recording.md describes the files.

If it is killed or the disk is full, at most the last second is lost. When it is started
again it goes on, and reads from etcd's history what it missed, up to 100,000 revisions.
What etcd has compacted shows as a gap. With --follow-from, a recording in another folder
is gone on with, however much was missed; DIR itself can be given too. It removes what is older than --keep,
and the oldest before the recording grows beyond --max-size. One recorder at a time can
write to DIR.`

func newRecordCmd(a *app, runF func(context.Context, *recording.RecordOptions) error) *cobra.Command {
	if runF == nil {
		runF = recording.Record
	}
	opts := &recording.RecordOptions{Keep: recording.Age(7 * 24 * time.Hour), MaxSize: 1 << 30}
	cmd := &cobra.Command{
		Use:   "record DIR [PREFIX...]",
		Short: "Record locks over time, to see later what happened",
		Long:  recordLong,
		Example: `  etcd-lock record /var/lib/etcd-lock
  etcd-lock record /var/lib/etcd-lock /jobs/ /reports/ --keep 30d --max-size 5GiB
  etcd-lock why --recording /var/lib/etcd-lock --at 03:12`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Dir, opts.Prefixes = args[0], args[1:]
			opts.Connect, opts.Reach, opts.Note, opts.Warn = a.connect, a.reach, a.note, a.warn
			if err := opts.Check(); err != nil {
				return err
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().Var(&opts.Keep, "keep", "remove what is older than `AGE`")
	cmd.Flags().StringVar(&opts.Follow, "follow-from", "", "go on where the recording in `DIR` ended, over etcd's history as far back as it has it")
	cmd.Flags().Var(&opts.MaxSize, "max-size", "keep the recording smaller than `SIZE`, at least 1MiB, by removing the oldest")
	return cmd
}

const exportLong = `Serves metrics of the locks whose keys begin with a PREFIX, or of all locks, to
Prometheus, until it is interrupted. docs/monitoring.md lists them, with alert rules and a
dashboard for Grafana.

  /metrics  the metrics
  /healthz  200 while the metrics of locks are known; 503 with the reason before the first
            answer of etcd, and when etcd has not answered for --stale-after

It follows the locks as watch does, and looks for problems as why does, every five seconds
or, where there are very many locks, every minute. What is not known has no metric: it is never 0.

Locks are counted by class, such as /orders/* for /orders/4711: numbers, dates, UUIDs and
other IDs in a name become *. A name that matches a --class is of the class that is called
like the first such pattern. Once there are --max-classes, the locks of further classes are
counted in the class "other".

It waits for an etcd that does not answer, also at the start. It serves anyone who can reach
--listen, without a password: the names of locks may be secret.`

func newExportCmd(a *app, runF func(context.Context, *export.Options) error) *cobra.Command {
	if runF == nil {
		runF = export.Run
	}
	opts := &export.Options{}
	cmd := &cobra.Command{
		Use:   "export [PREFIX...]",
		Short: "Serve metrics of locks to Prometheus",
		Long:  exportLong,
		Example: `  etcd-lock export
  etcd-lock export /jobs/ /orders/ --listen :9378 --class '/tenants/*/**'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case opts.MaxClasses <= 0:
				return notPositive("max-classes", opts.MaxClasses)
			case opts.StaleAfter <= 0:
				return notPositive("stale-after", opts.StaleAfter)
			}
			opts.Prefixes, opts.Connect, opts.Note, opts.Now = args, a.connect, a.note, a.now
			opts.Reach, opts.Failed = a.reach, a.retrying
			return runResult(runF(cmd.Context(), opts))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opts.Listen, "listen", "127.0.0.1:9378", "serve on `ADDRESS:PORT`")
	fs.StringArrayVar(&opts.Classes, "class", nil, "`PATTERN` of a class of locks, such as '/tenants/*/**'; can be given again")
	fs.IntVar(&opts.MaxClasses, "max-classes", 100, "count the locks of more than `N` classes as one, other")
	fs.DurationVar(&opts.StaleAfter, "stale-after", 30*time.Second, "leave out the metrics of locks when etcd has not answered for so long")
	return cmd
}
