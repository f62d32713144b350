package contexts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"etcd-lock/internal/config"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/console"
	"etcd-lock/tui/backend"
)

// Clusters are the contexts of a configuration file, for the terminal UI. It implements
// backend.Contexts.
type Clusters struct {
	File  config.File
	UI    *console.Options // that it began with
	Find  func(name string) (Cluster, error)
	Named []string // the contexts that are shown in one table from the beginning
}

// Cluster is how to connect to a context.
type Cluster struct {
	Connection connect.Options
	Context    config.Context
	ReadOnly   bool
}

// List implements backend.Contexts.
func (c *Clusters) List() []backend.Context {
	var all []backend.Context
	for _, one := range c.File.Contexts {
		all = append(all, Show(one))
	}
	return all
}

// Password implements backend.Contexts.
func (c *Clusters) Password(ctx context.Context, name string) (string, error) {
	to, err := c.Find(name)
	if err != nil {
		return "", err
	}
	return connect.AskAtTerminal(ctx, to.Connection.Prompt())
}

// Open implements backend.Contexts.
func (c *Clusters) Open(ctx context.Context, name, password string) (backend.Options, func(), error) {
	to, err := c.Find(name)
	if err != nil {
		return backend.Options{}, nil, err
	}
	var notices []string
	to.Connection.Warn = func(text string) { notices = append(notices, text) }
	to.Connection.AskPassword = nil // the screen is the UI's
	if password != "" {
		to.Connection.Etcd.Password = password
	}
	conn, err := connect.Open(ctx, to.Connection)
	if err != nil {
		return backend.Options{}, nil, err
	}
	o := c.options(to)
	if r, err := conn.Reach(ctx, o.Prefixes); err == nil && r.Limited {
		o.Prefixes, notices = r.Prefixes, append(notices, r.Note())
	}
	o.Notice = strings.Join(notices, "; ")
	options, end, err := console.Open(ctx, conn, o)
	if err != nil {
		conn.Close()
		return options, nil, err
	}
	return options, func() { end(); conn.Close() }, nil
}

// Final implements backend.Contexts.
func (c *Clusters) Final(err error) bool { return IsFinal(err) }

// Members connects to the contexts that are shown from the beginning, side by side, after it
// has asked for their passwords. The error is that of the first one if none answers.
func (c *Clusters) Members(ctx context.Context) ([]backend.Member, error) {
	members := make([]backend.Member, len(c.Named))
	for i, name := range c.Named {
		members[i].Name = name
		if shown := c.find(name); shown.Password {
			members[i].Password, members[i].Err = c.Password(ctx, name)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	for i := range members {
		m := &members[i]
		if m.Err == nil {
			wg.Go(func() { m.Options, m.End, m.Err = c.Open(ctx, m.Name, m.Password) })
		}
	}
	wg.Wait()
	if !slices.ContainsFunc(members, func(m backend.Member) bool { return m.Err == nil }) {
		return nil, fmt.Errorf("context %s: %w", members[0].Name, members[0].Err)
	}
	return members, nil
}

func (c *Clusters) find(name string) backend.Context {
	one, _ := c.File.Find(name)
	return Show(one)
}

// options are those of the UI on a context: what is about one etcd is not taken along.
func (c *Clusters) options(to Cluster) console.Options {
	o := *c.UI
	o.Recording, o.At, o.Revision = "", time.Time{}, 0
	if !slices.Contains(c.Named, to.Context.Name) {
		o.Prefixes = nil
	}
	o.ReadOnly, o.Context = to.ReadOnly, Show(to.Context)
	o.Commands, o.DialTimeout = Commands(c.File, to.Context.Name), to.Connection.Etcd.DialTimeout
	return o
}
