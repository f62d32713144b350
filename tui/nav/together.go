package nav

import (
	"time"
)

// Absent is a cluster that cannot be connected to, and that is tried again.
type Absent struct {
	Name  string
	Why   string // empty: it is connected to for the first time
	Since time.Time
	Again string // the command that tries it again, if only its user does; empty: it is tried without
}

// All returns the clusters that are shown: those of one table, or this one alone.
func (c *Context) All() []*Context {
	if c.Together == nil {
		return []*Context{c}
	}
	return c.Together
}

// Clusters returns the clusters whose rows a screen with this context shows.
func (c *Context) Clusters() []*Context {
	if !c.roams {
		return []*Context{c}
	}
	return c.All()
}

// Roams reports whether a screen with this context shows several clusters.
func (c *Context) Roams() bool { return c.roams }

// Roaming returns a context that MoveTo takes from one cluster to another, for a screen that
// shows several.
func (c *Context) Roaming() *Context {
	r, theme := *c, *c.Theme
	r.Theme, r.roams = &theme, true
	return &r
}

// MoveTo makes a roaming context that of a cluster, as it is now. The theme stays the one
// that tables have, and looks like that of the cluster. One that does not roam stays as it is.
func (c *Context) MoveTo(to *Context) {
	if !c.roams || to == nil || to == c {
		return
	}
	theme := c.Theme
	*theme, *c = *to.Theme, *to
	c.Theme, c.roams = theme, true
}

// Of says which cluster a text is about, where a table shows several.
func (c *Context) Of(text string) string {
	if c.Together == nil {
		return text
	}
	return c.Etcd.Name + ": " + text
}
