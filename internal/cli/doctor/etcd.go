package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
)

// etcd checks the connection, and over it etcd, the user's permissions and the locks.
func (opts *Options) etcd(ctx context.Context) []check {
	began := time.Now()
	c, err := opts.Connect(ctx)
	if err != nil {
		return []check{failure("connection", err)}
	}
	defer c.Close()
	checks := []check{{Check: "connection", State: ok, Text: fmt.Sprintf("%s after %s, %s", c.Endpoint, time.Since(began).Round(100*time.Microsecond), opts.login(c))}}
	checks = append(checks, cluster(ctx, c)...)
	checks = append(checks, clocks(ctx, c)...)
	checks = append(checks, opts.permissions(ctx, c)...)
	return append(checks, opts.locks(ctx, c))
}

func (opts *Options) login(c *connect.Conn) string {
	how := "without TLS"
	switch {
	case opts.Connection.Etcd.SkipVerify:
		how = "with TLS that is not verified"
	case c.TLS():
		how = "with TLS"
	}
	if c.User == "" {
		return how + ", without a login"
	}
	return fmt.Sprintf("%s, as %q", how, c.User)
}

// cluster says which servers there are, and what is wrong with them.
func cluster(ctx context.Context, c *connect.Conn) []check {
	var found inspect.Cluster
	err := c.Do(ctx, func(ctx context.Context) (err error) {
		found, err = c.Source.Cluster(ctx)
		return err
	})
	result := check{Check: "servers", State: ok, Text: strings.Join(versions(found.Servers), ", ")}
	if err != nil {
		result = check{Check: "servers", State: unknown, Text: format.Plainly(err)}
	}
	checks := []check{result}
	for _, f := range diagnose.Cluster(found) {
		text := narrate.Present.With(c.Flags).Finding(f)
		bad := warning
		if f.IsAlarm() {
			bad = failed
		}
		checks = append(checks, check{Check: string(f.Kind), State: bad, Text: text.Headline, Hint: strings.Join(text.Clauses, "; ")})
	}
	return checks
}

// versions counts servers by version.
func versions(servers []inspect.Server) []string {
	counts := map[string]int{}
	for _, s := range servers {
		counts[s.Version]++
	}
	var all []string
	for version, n := range counts {
		all = append(all, fmt.Sprintf("%s with etcd %s", format.Count(n, "member", "members"), version))
	}
	slices.Sort(all)
	return all
}

// maxSkew is by how much clocks may differ before ages are misleading.
const maxSkew = 2 * time.Second

// clocks compares the clocks of etcd's members with the one here.
func clocks(ctx context.Context, c *connect.Conn) []check {
	var checks []check
	for _, endpoint := range c.Endpoints() {
		name := "clock of " + endpoint
		var skew etcd.Skew
		err := c.Do(ctx, func(ctx context.Context) (err error) {
			skew, err = c.Skew(ctx, endpoint)
			return err
		})
		ahead, word := skew.Ahead, "ahead"
		if ahead < 0 {
			ahead, word = -ahead, "behind"
		}
		switch {
		case errors.Is(err, etcd.ErrNoClock):
			checks = append(checks, check{Check: name, State: unknown, Text: format.Plainly(err)})
		case err != nil:
			checks = append(checks, check{Check: name, State: warning, Text: format.Plainly(err)})
		case ahead > maxSkew+skew.Within:
			checks = append(checks, check{
				Check: name, State: warning, Text: fmt.Sprintf("%s %s of the clock here, within %s", ahead.Round(time.Second), word, skew.Within.Round(time.Millisecond)),
				Hint: "leases do not depend on clocks; ages that are taken from what clients wrote do, and Kubernetes Leases and ShedLock go by their own clocks",
			})
		default:
			checks = append(checks, check{Check: name, State: ok, Text: "agrees with the clock here, as far as a date in seconds says"})
		}
	}
	return checks
}

// permissions says what the user may do below the prefix.
func (opts *Options) permissions(ctx context.Context, c *connect.Conn) []check {
	var report access.Report
	err := c.Do(ctx, func(ctx context.Context) (err error) {
		report, err = access.Check(ctx, c.Client, c.User, opts.Prefix)
		return err
	})
	if err != nil {
		return []check{failure("permissions", err)}
	}
	var checks []check
	for _, a := range report.Actions {
		one := check{Check: "may " + a.Name, State: ok, Text: format.Dash(a.Reason)}
		switch {
		case a.Unknown:
			one.State = unknown
		case !a.Allowed:
			one.State, one.Hint = warning, c.Flags.Line("access", "--check")+" says which permissions the user has, and "+c.Flags.Line("access")+" which ones it takes"
		}
		checks = append(checks, one)
	}
	return checks
}

// locks reads them, below what the user may read.
func (opts *Options) locks(ctx context.Context, c *connect.Conn) check {
	began := time.Now()
	given := []string(nil)
	if opts.Prefix != "" {
		given = []string{opts.Prefix}
	}
	reach, err := c.Reach(ctx, given)
	if err != nil {
		return failure("locks", err)
	}
	s, err := c.Snapshot(ctx, 0, reach.Prefixes...)
	if err != nil {
		return failure("locks", err)
	}
	text := fmt.Sprintf("%s read at revision %d in %s, beside %s", format.Count(len(s.Locks), "lock", "locks"), s.Revision,
		time.Since(began).Round(100*time.Microsecond), format.Count(s.Other, "other key", "other keys"))
	result := check{Check: "locks", State: ok, Text: text}
	if reach.Limited {
		result.Hint = reach.Note()
	}
	return result
}
