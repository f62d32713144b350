package tui

import (
	"errors"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

var errNoName = errors.New("a name cannot be empty")

// notEmpty is an Accept that takes any text but none.
func notEmpty(then func(text string) Action) func(string) (Action, error) {
	return func(text string) (Action, error) {
		if text == "" {
			return nil, errNoName
		}
		return then(text), nil
	}
}

// askName asks for the name of a lock, and puts the cursor on it, so that it can
// be taken.
func askName(c *Context) Action {
	return Prompt{Label: "name: ", Value: c.Prefix, Accept: func(name string) (Action, error) {
		switch {
		case name == "":
			return nil, errNoName
		case !strings.HasPrefix(name, c.Prefix):
			return nil, errors.New("only names that begin with " + c.Prefix + " are shown")
		}
		return Batch{
			Select{inspect.LockID{Layout: keyspace.RWLock, Name: name}},
			note("chosen: " + name + ": r asks for a read lock on it, w for a write lock"),
		}, nil
	}}
}

// askClient asks for the name and the TTL of a new client.
func askClient() Action {
	return Prompt{Label: "client's name: ", Accept: notEmpty(askTTL)}
}

// maxTTL is more than any lock is tried with.
const maxTTL = 24 * time.Hour

func askTTL(label string) Action {
	return Prompt{Label: "TTL of its session: ", Value: firstTTL.String(), Accept: func(text string) (Action, error) {
		ttl, err := time.ParseDuration(text)
		if err != nil || ttl < time.Second || ttl > maxTTL {
			return nil, errors.New("a duration from 1s to 24h, such as 30s")
		}
		return OpenClient{label, ttl}, nil
	}}
}

// askLock asks for the name of a lock, then how long to wait for it.
func askLock(c *Context, label, value string, client *ownClient, mode keyspace.Mode) Action {
	return Prompt{Label: label, Value: value, Complete: func(text string) Action { return completeLock(c, text) },
		Accept: notEmpty(func(name string) Action {
			return askDeadline(Take{Lock: inspect.LockID{Layout: keyspace.RWLock, Name: name}, Mode: mode, Client: client})
		})}
}

func askDeadline(take Take) Action {
	return Prompt{Label: "deadline (such as 30s; empty: none): ", Accept: func(text string) (Action, error) {
		var err error
		if take.Within, err = deadline(text); err != nil {
			return nil, err
		}
		return take, nil
	}}
}

func deadline(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, errors.New("a duration such as 30s, or nothing")
	}
	return d, nil
}

// completeLock completes the name of a lock by those that there are.
func completeLock(c *Context, text string) Action {
	var names []string
	for _, l := range c.shown().Locks {
		if strings.HasPrefix(l.ID.Name, text) {
			names = append(names, l.ID.Name)
		}
	}
	return Completions{text, slices.Compact(names)}
}

// askScenarioFile asks for the file of a scenario.
func askScenarioFile() Action {
	return Prompt{
		Label:    "scenario's file: ",
		Accept:   notEmpty(func(path string) Action { return ReadScenario{path} }),
		Complete: func(text string) Action { return CompletePath{text} },
	}
}

// askRecording asks for the file to record into.
func askRecording(now time.Time) Action {
	name := "recording-" + now.Format("20060102-150405") + ".yaml"
	return Prompt{
		Label: "record into the new file: ", Value: name,
		Accept: notEmpty(func(path string) Action { return StartRecording{path} }),
	}
}
