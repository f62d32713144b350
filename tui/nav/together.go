package nav

import (
	"time"
)

// Absent is a cluster that cannot be connected to, and that is tried again.
type Absent struct {
	Name  string
	Why   string // printable; empty: it is connected to for the first time
	Since time.Time
}

// Clusters returns the clusters whose rows a table shows.
func (c *Context) Clusters() []*Context {
	if c.Together == nil {
		return []*Context{c}
	}
	return c.Together
}

// Roaming returns a context that MoveTo takes from one cluster to another, for a screen that
// shows several.
func (c *Context) Roaming() *Context {
	r, theme := *c, *c.Theme
	r.Theme = &theme
	return &r
}

// MoveTo makes a roaming context that of a cluster, as it is now. The theme stays the one
// that tables have, and looks like that of the cluster.
func (c *Context) MoveTo(to *Context) {
	theme := c.Theme
	*theme, *c = *to.Theme, *to
	c.Theme = theme
}

// Of says which cluster a text is about, where a table shows several.
func (c *Context) Of(text string) string {
	if c.Together == nil {
		return text
	}
	return c.Etcd.Name + ": " + text
}
