package effects

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// commandLog notes what was done for the user as commands, and has them kept.
type commandLog struct {
	*env
	pending []string // that are still to be kept, in their order
	keeping bool
	failed  bool // the last ones were not kept, which was said
}

// keptMsg says how keeping commands ended.
type keptMsg struct{ err error }

// note notes something that was done, or failed with err, with the arguments of etcd-lock and
// of etcdctl that do the same.
func (l *commandLog) note(what string, err error, etcdLock, etcdctl []string) nav.Action {
	return l.noteWith(l.ports.Flags, what, err, etcdLock, etcdctl)
}

// noteWith is note with other flags for the connection.
func (l *commandLog) noteWith(flags cmdline.Flags, what string, err error, etcdLock, etcdctl []string) nav.Action {
	failed := ""
	if err != nil {
		failed = format.Plainly(err)
	}
	c := l.Commands.Add(l.Now, what, failed, flags, etcdLock, etcdctl)
	if l.ports.Commands == nil {
		return nil
	}
	l.pending = append(l.pending, c.String())
	return l.keep()
}

// keep keeps what is pending, one write after the other.
func (l *commandLog) keep() nav.Action {
	if l.keeping || len(l.pending) == 0 {
		return nil
	}
	keeper, text := l.ports.Commands, strings.Join(l.pending, "")
	l.keeping, l.pending = true, nil
	return l.background(func() tea.Msg { return keptMsg{keeper.Append(text)} })
}

func (msg keptMsg) Apply(e *Effects) nav.Action {
	l := &e.commands
	l.keeping = false
	again := nav.Batch{l.keep()}
	if said := l.failed; msg.err != nil && !said {
		again = append(again, nav.Fail("command log not written: "+msg.err.Error()))
	}
	l.failed = msg.err != nil
	return again
}

// released notes a release by force.
func (l *commandLog) released(msg AppliedMsg) nav.Action {
	what := nav.ReleaseTitle(msg.target)
	if msg.Revision != 0 {
		what = applied{msg.Plan, msg.Revision}.String()
	}
	return l.note(what, msg.Err, narrate.Command(msg.target), narrate.Etcdctl(msg.target))
}

// requested notes a request for a lock. etcdctl has locks of another layout.
func (l *commandLog) requested(r *state.OwnRequest) nav.Action {
	args := []string{"exec"}
	if r.Mode == keyspace.Read {
		args = append(args, "--read")
	}
	args = append(args, "--ttl", r.Client.TTL.String())
	if r.Within > 0 {
		args = append(args, "--wait", r.Within.String())
	}
	return l.note("requested a "+r.String(), nil, append(args, r.Name, "--", "sh"), nil)
}

// gaveBack notes the end of an own request, by its key.
func (l *commandLog) gaveBack(r *state.OwnRequest, key, what string, err error) nav.Action {
	if key == "" {
		return nil // it was never in the queue
	}
	t := diagnose.Target{Key: key}
	return l.note(what+" a "+r.String(), err, narrate.Command(t), narrate.Etcdctl(t))
}

// closed notes the end of an own session.
func (l *commandLog) closed(c *state.OwnClient, lease int64, err error) nav.Action {
	t := diagnose.Target{Lease: lease}
	return l.note("closed "+c.String(), err, narrate.Command(t), narrate.Etcdctl(t))
}

// ran notes the start of a scenario, unless nothing was started.
func (l *commandLog) ran(a nav.RunScenario, started nav.Action) nav.Action {
	if started == nil {
		return nil
	}
	flags := l.ports.Flags
	if a.Scenario.OwnCluster { // which no flags connect to
		flags = cmdline.Flags{}
	}
	return nav.Batch{started, l.noteWith(flags, "ran scenario "+a.Scenario.Name, nil, []string{"simulate", "run", a.Scenario.Name}, nil)}
}

// recorded notes the start of a recording.
func (l *commandLog) recorded(path string) nav.Action {
	return l.note("recorded into "+path, nil, append([]string{"simulate", "record", "--file", path, "--"}, l.ports.Prefixes...), nil)
}

// went notes that a revision was shown that the user had asked for, or why it was not. Those
// of a recording are not etcd's to show.
func (l *commandLog) went(msg PastMsg) nav.Action {
	to := msg.target.Place
	if !msg.target.asked || to.Revision == 0 || l.ports.Archive != nil {
		return nil
	}
	rev := strconv.FormatInt(to.Revision, 10)
	var etcdctl []string
	if len(l.ports.Prefixes) == 1 {
		etcdctl = []string{"get", "--prefix", "--rev", rev, "--", l.ports.Prefixes[0]}
	}
	return l.note("showed revision "+rev, msg.err, append([]string{"ls", "--rev", rev, "--"}, l.ports.Prefixes...), etcdctl)
}
