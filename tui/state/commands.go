package state

import (
	"strings"
	"time"

	"etcd-lock/internal/cmdline"
	"etcd-lock/tui/term"
)

// Command is something that the UI did for its user, with the command lines that do the
// same. All of it is printable.
type Command struct {
	ID       uint64
	At       time.Time
	What     string
	Failed   string // why it was not done, or not all; empty: it was
	EtcdLock string // for a shell
	Etcdctl  string // likewise; empty: etcdctl cannot do it
}

// Outcome says how it went, in a word.
func (c *Command) Outcome() string {
	if c.Failed != "" {
		return "failed"
	}
	return "done"
}

// String returns the lines for a file: a comment, and what a shell would run to do it again.
// What etcdctl would do is a comment too, as it does not check anything before.
func (c *Command) String() string {
	text := "# " + c.At.Format(time.RFC3339) + " " + c.What + "\n"
	if c.Failed != "" {
		text += "# failed: " + c.Failed + "\n"
	}
	text += c.EtcdLock + "\n"
	if c.Etcdctl != "" {
		text += "# " + c.Etcdctl + "\n"
	}
	return text
}

// commandCapacity bounds how many commands are listed.
const commandCapacity = 1000

// Commands are what the UI did for its user, oldest first.
type Commands struct {
	Entries []*Command
	last    uint64
}

// Add notes something that was done or failed, with the arguments of etcd-lock and of etcdctl
// that do the same, which get the flags.
func (b *Commands) Add(at time.Time, what, failed string, flags cmdline.Flags, etcdLock, etcdctl []string) *Command {
	b.last++
	c := &Command{ID: b.last, At: at, What: term.Safe(what), Failed: term.Safe(failed), EtcdLock: shell(flags.Line, etcdLock), Etcdctl: shell(flags.EtcdctlLine, etcdctl)}
	b.Entries = append(b.Entries, c)
	b.Entries = b.Entries[max(len(b.Entries)-commandCapacity, 0):]
	return c
}

// shell returns a command line, empty if there are no arguments or no shell can say them.
func shell(line func(...string) string, args []string) string {
	if len(args) == 0 || strings.Contains(strings.Join(args, ""), "\x00") {
		return ""
	}
	return line(args...)
}
