package screens

import (
	"errors"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

var errNoName = errors.New("a name cannot be empty")

// notEmpty is an Accept that takes any text but none.
func notEmpty(then func(text string) nav.Action) func(string) (nav.Action, error) {
	return func(text string) (nav.Action, error) {
		if text == "" {
			return nil, errNoName
		}
		return then(text), nil
	}
}

// nameStart returns what the name of each lock that is watched begins with.
func nameStart(c *nav.Context) string {
	if len(c.Prefixes) == 1 {
		return c.Prefixes[0]
	}
	return ""
}

// askName asks for the name of a lock, and puts the cursor on it, so that it can
// be taken.
func askName(c *nav.Context) nav.Action {
	return nav.Prompt{Label: c.Of("name: "), Value: nameStart(c), Accept: func(name string) (nav.Action, error) {
		switch {
		case name == "":
			return nil, errNoName
		case !c.Prefixes.Has(name):
			return nil, errors.New("only names that begin with " + format.List(c.Prefixes, "or") + " are shown")
		}
		return nav.Batch{
			nav.Select{Lock: inspect.LockID{Layout: layout.RWLock, Name: name}},
			nav.Note("selected " + name + ": r requests a read lock, w a write lock"),
		}, nil
	}}
}

// askClient asks for the name and the TTL of a new client.
func askClient() nav.Action {
	return nav.Prompt{Label: "client's name: ", Accept: notEmpty(askTTL)}
}

// maxTTL is more than any lock is tried with.
const maxTTL = 24 * time.Hour

func askTTL(label string) nav.Action {
	return nav.Prompt{Label: "TTL of its session: ", Value: state.FirstTTL.String(), Accept: func(text string) (nav.Action, error) {
		ttl, err := time.ParseDuration(text)
		if err != nil || ttl < time.Second || ttl > maxTTL {
			return nil, errors.New("a duration from 1s to 24h, such as 30s")
		}
		return nav.OpenClient{Label: label, TTL: ttl}, nil
	}}
}

// askLock asks for the name of a lock, then how long to wait for it.
func askLock(c *nav.Context, label, value string, client *state.OwnClient, mode keyspace.Mode) nav.Action {
	return nav.Prompt{Label: c.Of(label), Value: value, Complete: func(text string) nav.Action { return completeLock(c, text) },
		Accept: notEmpty(func(name string) nav.Action {
			return askDeadline(nav.Take{Lock: inspect.LockID{Layout: layout.RWLock, Name: name}, Mode: mode, Client: client})
		})}
}

func askDeadline(take nav.Take) nav.Action {
	return nav.Prompt{Label: "deadline (such as 30s; empty: none): ", Accept: func(text string) (nav.Action, error) {
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
func completeLock(c *nav.Context, text string) nav.Action {
	var names []string
	for _, l := range c.Shown().Locks {
		if strings.HasPrefix(l.ID.Name, text) {
			names = append(names, l.ID.Name)
		}
	}
	return nav.Completions{Text: text, Candidates: slices.Compact(names)}
}

// askScenarioFile asks for the file of a scenario.
func askScenarioFile() nav.Action {
	return nav.Prompt{
		Label:    "scenario's file: ",
		Accept:   notEmpty(func(path string) nav.Action { return nav.ReadScenario{Path: path} }),
		Complete: func(text string) nav.Action { return nav.CompletePath{Path: text} },
	}
}

// askRecording asks for the file to record into.
func askRecording(now time.Time) nav.Action {
	name := "recording-" + now.Format("20060102-150405") + ".yaml"
	return nav.Prompt{
		Label: "record into the new file: ", Value: name,
		Accept: notEmpty(func(path string) nav.Action { return nav.StartRecording{Path: path} }),
	}
}
