// Package logline words the lines of a run's log. Scenario files quote them under
// expect.log, so they are part of the file format.
package logline

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// Preparing is the first line of every log: sessions are about to be opened.
const Preparing = "PREPARE MUTEXES"

const (
	asking   = "waiting lock "
	granted  = "got lock "
	released = "released rlock for "
)

// Ready is the line of the nth client whose session is open, from 1.
func Ready(n int) string { return "LOCK" + strconv.Itoa(n) }

// Asking is the line of a client that is about to request a lock. It says
// "waiting", whether the client has to wait or not.
func Asking(client string) string { return asking + client }

// Granted is the line of a client that was granted a lock.
func Granted(client string) string { return granted + client }

// Upgrading is the line of a client that is about to request an upgrade.
func Upgrading(client string) string { return "upgrading lock " + client }

// Upgraded is the line of a client whose upgrade was granted.
func Upgraded(client string) string { return "upgraded lock " + client }

// Downgraded is the line of a client that holds for reading what it held for
// writing.
func Downgraded(client string) string { return "downgraded lock " + client }

// Released is the line of a client that released a lock, in whatever mode.
func Released(client string) string { return released + client }

// Paused is the line of a client that was paused.
func Paused(client string) string { return "paused " + client }

// Resumed is the line of a client that was resumed.
func Resumed(client string) string { return "resumed " + client }

// Crashed is the line of a client that crashed.
func Crashed(client string) string { return "crashed " + client }

// Closed is the line of a client that closed its session.
func Closed(client string) string { return "closed " + client }

// NotDone is the line of a client that could not do something, named by a
// participle such as "acquired".
func NotDone(client, participle string, err error) string {
	return client + " not " + participle + ": " + reason(err).Error()
}

// Lost is the line of a client that lost a lock.
func Lost(client string, err error) string { return client + " lost: " + err.Error() }

// Fenced is the line of a late holder: another client's fencing token is larger.
func Fenced(late, other string) string {
	return late + " fenced: the token of " + other + " is larger"
}

// reason returns context's own error for a wait that ended as it was asked to: what
// wraps it says nothing that a reader of the log does not know.
func reason(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// Client returns the client that a line names, if it is a line about requesting,
// being granted or releasing a lock.
func Client(line string) (name string, ok bool) {
	for _, prefix := range []string{asking, granted, released} {
		if name, ok := strings.CutPrefix(line, prefix); ok {
			return name, true
		}
	}
	return "", false
}
