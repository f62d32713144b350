package app

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// Embed makes the model one of several in a program: wrap marks what its commands return,
// for whoever passes that on to it, goContext goes to others, goIn opens a lock of another
// one whose row is under the cursor, and allOpen returns all that are open.
func (m *Model) Embed(wrap func(tea.Msg) tea.Msg, goContext func(name string) tea.Cmd, goIn func(nav.In) tea.Cmd, allOpen func() []*nav.Context) {
	m.effects.Tasks.Wrap, m.goContext, m.goIn, m.allOpen = wrap, goContext, goIn, allOpen
}

// Perform does an action, as if a screen had asked for it.
func (m *Model) Perform(a nav.Action) tea.Cmd {
	m.Now = m.options.Now()
	return m.perform(a)
}

// Arrive brings the model to the front, with what the user has chosen elsewhere.
func (m *Model) Arrive() {
	m.arrive()
	m.takePrefs()
}

// Name is that of the cluster, empty without one.
func (m *Model) Name() string { return m.Etcd.Name }

// contextMark is the cluster's name, and whether it may be written to.
func contextMark(c *nav.Context) string {
	if c.Etcd.Name == "" {
		return ""
	}
	text := " " + term.Cut(term.Safe(c.Etcd.Name), 24) + " "
	switch {
	case c.Can.ReadOnly:
		text += "· read-only "
	case c.Etcd.ReadOnly:
		text += "· writable "
	}
	return c.Theme.Context.Render(text) + "  "
}

// contextCommands are about clusters.
func contextCommands(m *Model) []command {
	const where = "; etcd-lock contexts says where to configure them"
	var names []string
	ctx := command{
		name: "ctx", args: "NAME", about: "go to a cluster, to several (a,b) or all; - for before", complete: func() []string {
			return append(slices.Clone(names), backend.ContextAll)
		},
		run: func(name string) nav.Action {
			if name == "" {
				return nav.Flash{Text: "contexts: " + strings.Join(names, ", ")}
			}
			return nav.GoContext{Name: name}
		},
	}
	if m.goContext == nil || m.options.Contexts == nil {
		ctx.off = "no contexts here" + where
	} else {
		names = contextNames(m.options.Contexts.List())
	}
	readOnly := command{
		name: "readonly", args: "on|off", about: "forbid to write to etcd, or allow it", complete: func() []string { return []string{"on", "off"} },
		run: func(arg string) nav.Action { return askReadOnly(m.Context, arg) },
	}
	switch {
	case m.options.Locked:
		readOnly.off = "on, by --read-only"
	case m.options.Context.Name == "":
		readOnly.off = "is for contexts" + where
	}
	return []command{ctx, readOnly}
}

func contextNames(all []backend.Context) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	return names
}

// toContext goes to another cluster, or to several.
func (m *Model) toContext(to string) tea.Cmd {
	known := contextNames(m.options.Contexts.List())
	if to == backend.ContextBefore || to == backend.ContextAll {
		return m.goContext(to)
	}
	for name := range strings.SplitSeq(to, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
			return m.perform(nav.Fail("ctx: a name is missing between commas; contexts: " + strings.Join(known, ", ")))
		case !slices.Contains(known, name):
			return m.perform(nav.Fail("ctx: no context " + name + "; contexts: " + strings.Join(known, ", ")))
		}
	}
	return m.goContext(to)
}

// askReadOnly asks before it allows to write to etcd.
func askReadOnly(c *nav.Context, arg string) nav.Action {
	switch {
	case arg != "on" && arg != "off":
		return nav.Fail("readonly: on or off")
	case (arg == "on") == c.Can.ReadOnly:
		return nav.Flash{Text: "readonly is " + arg}
	case arg == "on":
		return nav.ReadOnly{On: true}
	}
	return nav.Ask{
		Dialog: &widget.Dialog{
			Title: "allow writing", Word: c.Etcd.Name, Yes: "Allow",
			Lines: []string{
				"The keys that take and release locks would work, on " + term.Safe(c.Etcd.Name) + ":", "",
				"  " + term.Safe(c.Etcd.Endpoints), "",
				"They still ask before they affect other clients. :readonly on forbids it again.",
			},
		},
		Yes: nav.ReadOnly{On: false},
	}
}

// setReadOnly forbids to write to etcd, or allows it.
func (m *Model) setReadOnly(on bool) nav.Action {
	if on && len(m.Requests) > 0 {
		return nav.Fail("readonly: you hold or wait for locks here; release them first")
	}
	m.options.ReadOnly = on
	m.Can = abilities(m.options)
	if on {
		return nav.Note("read-only: nothing is written to " + m.Etcd.Name)
	}
	m.effects.AllowWrites()
	m.addViews()
	return nav.Note("writing to " + m.Etcd.Name + " is allowed, until :readonly on")
}
