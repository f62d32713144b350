// Package alert is what why --watch and why --fail-on do: it tells people and programs
// that locks have problems.
package alert

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/hooks"
)

// Help documents the flags.
const Help = `With --watch, it prints problems when they are raised, get worse and are cleared, until it
is interrupted. With NAME, only those of that lock. It follows the locks as watch does, and
looks for problems every five seconds or, where there are very many locks, every minute. A problem
is one of a kind about the same locks, whichever sessions it is about.

Something that comes and goes is raised once: it is cleared when it has not been found for
--clear-after, and each time that it comes back within an hour that takes twice as long, up
to 32 times. When etcd has not answered for 15 seconds, that is a problem of its own,
no-contact; meanwhile no other problem is raised or cleared.

--exec and --webhook tell a program of each of these lines, in order, one at a time. The
JSON document is the input of the program, and the body of a POST request. The program also
has it in its environment: ETCD_LOCK_EVENT, ETCD_LOCK_KIND, ETCD_LOCK_SEVERITY,
ETCD_LOCK_TEXT and ETCD_LOCK_LOCKS, one lock a line, each of at most 4 KiB and printable. It
is run without a shell: write a script for what needs one. After 10 seconds it is killed,
with everything that it has started. What fails, or takes longer, is tried five times in
all, with growing pauses, unless the server answers that the request is wrong. At most 100
lines wait for that; further ones are not passed on, and a warning says so.

With --mute, problems of a kind are muted, of all locks or of some: long-wait=2h for two
hours from the start on, '*:/jobs/**=2026-12-24T00:00:00Z' up to a time. With --fail-on, it
takes a time only. With --mutes FILE, each line of a file says until when and which:

  2026-11-28T14:00:00+01:00 long-wait:/jobs/**  
  2026-12-24T00:00:00Z old-server
  2026-11-28T18:00:00Z *:/backup
  # a comment

The time is in RFC 3339, as date -Is prints it. The kind may be *, and the lock a pattern in
which * is a segment of a name or a part of one and ** any number of segments. A line without
a lock is about all of them. The file is read again each time that it has changed. What is
muted is printed with muted_until, and not passed on. If it is still there when it is not
muted any more, it is raised then.

--fail-on is for cron, without --watch: the exit code is 6 if there is a problem of that
severity or a worse one that is not muted. What could not be read is not a problem; it is
printed.

With several contexts, --watch follows them side by side. Problems of one are never those of
another, whatever the locks are called; mutes are for all of them. Programs have the context in
ETCD_LOCK_CONTEXT, so that commands of etcd-lock that they run are about it.

With --watch -o json, a document per line:
  context             of several contexts: its name
  event               raised; worse (a warning became critical, for example); cleared
  time                when this program found it
  revision            etcd revision that was looked at
  muted_until         absent when it is not muted
  finding             kind, severity, text, clauses, locks, sessions, as above
`

// Flags say whom to tell of problems, and of which.
type Flags struct {
	Watch      bool
	FailOn     string
	Mute       []string // KIND[:LOCK]=UNTIL
	Mutes      string   // a file
	Exec       []string
	Webhooks   []string
	ClearAfter time.Duration

	muted mutes // what Mute says, once Check has read it
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.Watch, "watch", false, "print problems as they are raised and cleared, until interrupted")
	fs.StringVar(&f.FailOn, "fail-on", "", "exit with 6 if there is a problem of this `severity` or a worse one: critical, warning or notice")
	fs.StringArrayVar(&f.Mute, "mute", nil, "mute what is `KIND[:LOCK]=UNTIL`, such as long-wait:/jobs/**=2h; can be given again")
	fs.StringVar(&f.Mutes, "mutes", "", "`file` that says which problems are muted until when")
	fs.StringArrayVar(&f.Exec, "exec", nil, "with --watch, run `PROGRAM` for each line; words are separated by spaces; can be given again")
	fs.StringArrayVar(&f.Webhooks, "webhook", nil, "with --watch, post each line to `URL`; can be given again")
	fs.DurationVar(&f.ClearAfter, "clear-after", 30*time.Second, "with --watch, clear a problem when it has not been found for so long")
}

// Check reports flags that do not go together or cannot be used, given whether the past is
// to be explained.
func (f *Flags) Check(fs *pflag.FlagSet, past bool) error {
	switch {
	case f.Watch && past:
		return errors.New("--watch is about the present: leave out --rev and --recording")
	case f.Watch && f.FailOn != "":
		return errors.New("--watch and --fail-on are mutually exclusive")
	case f.FailOn != "" && severityOf(f.FailOn) == 0:
		return fmt.Errorf("--fail-on %s: must be critical, warning or notice", f.FailOn)
	case len(f.Mute) > 0 && !f.Watch && f.FailOn == "":
		return errors.New("--mute requires --watch or --fail-on")
	case f.Mutes != "" && !f.Watch && f.FailOn == "":
		return errors.New("--mutes requires --watch or --fail-on")
	case f.ClearAfter < 0:
		return errors.New("--clear-after must not be less than 0")
	}
	if err := f.parseFlags(time.Now()); err != nil {
		return err
	}
	for _, name := range []string{"exec", "webhook", "clear-after"} {
		if fs.Changed(name) && !f.Watch {
			return fmt.Errorf("--%s requires --watch", name)
		}
	}
	for _, command := range f.Exec {
		if _, err := hooks.Parse(command); err != nil {
			return fmt.Errorf("--exec: %w", err)
		}
	}
	for i, hook := range f.Webhooks {
		u, err := url.Parse(hook)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
			return fmt.Errorf("--webhook number %d: must be a URL that begins with https:// or http://", i+1) // it may have a secret
		}
	}
	return nil
}

// severityOf returns the severity of a word, 0 if there is none.
func severityOf(word string) diagnose.Severity {
	for _, s := range []diagnose.Severity{diagnose.Notice, diagnose.Warning, diagnose.Critical} {
		if s.String() == word {
			return s
		}
	}
	return 0
}

// ErrFound is returned when there is a problem of the severity that --fail-on names.
var ErrFound = errors.New("alert: there is a problem")

// Judge returns ErrFound if one of the findings is of the severity of --fail-on, or worse,
// and is not muted.
func (f *Flags) Judge(ctx context.Context, findings []diagnose.Finding, now time.Time) error {
	if f.FailOn == "" {
		return nil
	}
	m, err := readMutes(ctx, f.Mutes)
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil:
		return &connect.OptionError{Err: err}
	}
	m = append(m, f.muted...)
	for _, found := range findings {
		if found.Severity >= severityOf(f.FailOn) && m.until(newAlert(found, cmdline.Flags{}), now).IsZero() {
			return ErrFound
		}
	}
	return nil
}
