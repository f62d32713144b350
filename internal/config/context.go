package config

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/yamlfile"
)

// Context is an etcd under a name, and how it is shown.
type Context struct {
	Name     string
	Flags    []Flag // of the connection, in an order of their own
	Colour   Colour // of its name and of the frames in the terminal UI; empty: the usual one
	ReadOnly bool   // nothing is written to it, unless a user says so
}

// Flag is a flag of the command line, and what a context says in its place.
type Flag struct {
	Name   string
	Values []string
}

// Get returns the values of a flag.
func (c Context) Get(flag string) []string {
	for _, f := range c.Flags {
		if f.Name == flag {
			return f.Values
		}
	}
	return nil
}

// Colour is the colour of a context.
type Colour string

// Colours are those that there are.
func Colours() []Colour { return []Colour{"red", "orange", "yellow", "green", "blue", "purple"} }

// contextDoc has the fields of a context. All but the colour are called as the flags are.
type contextDoc struct {
	Endpoints        []string `yaml:"endpoints"`
	CACert           *string  `yaml:"cacert"`
	Cert             *string  `yaml:"cert"`
	Key              *string  `yaml:"key"`
	User             *string  `yaml:"user"`
	PasswordFile     *string  `yaml:"password-file"`
	Transport        *bool    `yaml:"insecure-transport"`
	SkipVerify       *bool    `yaml:"insecure-skip-tls-verify"`
	Discovery        *string  `yaml:"discovery-srv"`
	DiscoveryName    *string  `yaml:"discovery-srv-name"`
	Insecure         *bool    `yaml:"insecure-discovery"`
	KeepAliveTime    *string  `yaml:"keepalive-time"`
	KeepAliveTimeout *string  `yaml:"keepalive-timeout"`
	DialTimeout      *string  `yaml:"dial-timeout"`
	CommandTimeout   *string  `yaml:"command-timeout"`
	Layouts          []string `yaml:"layouts"`
	LockKeys         []string `yaml:"lock-keys"`
	Hidden           *bool    `yaml:"hidden"`
	ReadOnly         *bool    `yaml:"read-only"`
	Colour           *string  `yaml:"colour"`

	Password *string `yaml:"password"`       // is refused
	Token    *string `yaml:"auth-jwt-token"` // likewise
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (r *reader) contexts(doc fileDoc) []Context {
	var all []Context
	for _, name := range slices.Sorted(maps.Keys(doc.Contexts)) {
		p := yamlfile.Path{"contexts", name}
		if !contextName.MatchString(name) {
			r.fail(p, "context %q: a name has letters, digits, dots, dashes and underscores, and does not begin with one of the last three", name)
		}
		all = append(all, r.context(p, name, doc.Contexts[name]))
	}
	if doc.Context != nil && !slices.ContainsFunc(all, func(c Context) bool { return c.Name == *doc.Context }) {
		r.fail(yamlfile.Path{"context"}, "there is no context %q", *doc.Context)
	}
	return all
}

func (r *reader) context(p yamlfile.Path, name string, d contextDoc) Context {
	c := Context{Name: name, ReadOnly: isSet(d.ReadOnly), Colour: Colour(deref(d.Colour))}
	r.checkSecrets(p, d)
	if d.Colour != nil && !slices.Contains(Colours(), c.Colour) {
		r.fail(p.To("colour"), "%q is none of %s", c.Colour, colourNames())
	}
	if len(d.Endpoints) == 0 && d.Discovery == nil {
		r.fail(p, "context %q names no etcd: it needs endpoints, or discovery-srv", name)
	}
	if len(d.Endpoints) > 0 && d.Discovery != nil {
		r.fail(p.To("discovery-srv"), "endpoints and discovery-srv are mutually exclusive")
	}
	if (d.Cert == nil) != (d.Key == nil) {
		r.fail(p, "context %q: cert and key must be used together", name)
	}
	c.add("endpoints", d.Endpoints...)
	for _, f := range []struct {
		name  string
		value *string
		read  func(yamlfile.Path, string) string
	}{
		{"cacert", d.CACert, r.path}, {"cert", d.Cert, r.path}, {"key", d.Key, r.path},
		{"user", d.User, r.word}, {"password-file", d.PasswordFile, r.path},
		{"discovery-srv", d.Discovery, r.word}, {"discovery-srv-name", d.DiscoveryName, r.word},
		{"keepalive-time", d.KeepAliveTime, r.duration}, {"keepalive-timeout", d.KeepAliveTimeout, r.duration},
		{"dial-timeout", d.DialTimeout, r.duration}, {"command-timeout", d.CommandTimeout, r.duration},
	} {
		if f.value != nil {
			c.add(f.name, f.read(p.To(f.name), *f.value))
		}
	}
	for i, file := range d.Layouts {
		c.add("layouts", r.path(p.To("layouts", i), file))
	}
	c.add("lock-keys", d.LockKeys...)
	c.addFlag("insecure-transport", d.Transport)
	c.addFlag("insecure-skip-tls-verify", d.SkipVerify)
	c.addFlag("insecure-discovery", d.Insecure)
	c.addFlag("hidden", d.Hidden)
	return c
}

// add adds values of a flag.
func (c *Context) add(name string, values ...string) {
	if len(values) == 0 {
		return
	}
	if i := slices.IndexFunc(c.Flags, func(f Flag) bool { return f.Name == name }); i >= 0 {
		c.Flags[i].Values = append(c.Flags[i].Values, values...)
		return
	}
	c.Flags = append(c.Flags, Flag{name, values})
}

func (c *Context) addFlag(name string, on *bool) {
	if on != nil {
		c.add(name, strconv.FormatBool(*on))
	}
}

const noSecrets = "a password has no place in this file: name a file that has it, as in password-file: ~/.etcd-password, or leave it out to be asked for it"

// checkSecrets refuses passwords: the file is copied and shown.
func (r *reader) checkSecrets(p yamlfile.Path, d contextDoc) {
	if d.Password != nil {
		r.fail(p.To("password"), noSecrets)
	}
	if d.Token != nil {
		r.fail(p.To("auth-jwt-token"), "a token has no place in this file: use the flag --auth-jwt-token")
	}
	if user, _, ok := strings.Cut(deref(d.User), ":"); ok {
		r.fail(p.To("user"), "user: %s:…: %s", user, noSecrets)
	}
	if d.PasswordFile != nil && d.User == nil {
		r.fail(p.To("password-file"), "password-file requires user")
	}
	for i, e := range d.Endpoints {
		at := p.To("endpoints", i)
		switch {
		case strings.Contains(e, "@") && !strings.HasPrefix(e, "unix:") && !strings.HasPrefix(e, "unixs:"): // also where that makes it no URL
			r.fail(at, noSecrets)
		case strings.TrimSpace(e) == "" || strings.Contains(e, ","):
			r.fail(at, "endpoints is a list with an address in each line, such as https://etcd-1:2379")
		}
	}
}

// word returns a text that must not be empty.
func (r *reader) word(p yamlfile.Path, s string) string {
	if strings.TrimSpace(s) == "" {
		r.fail(p, "%v is empty", p[len(p)-1])
	}
	return s
}

// path returns the path of a file that the configuration names.
func (r *reader) path(p yamlfile.Path, s string) string {
	r.word(p, s)
	if rest, ok := strings.CutPrefix(s, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			r.fail(p, "%s: there is no home directory", s)
		}
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(r.folder, s)
}

func (r *reader) duration(p yamlfile.Path, s string) string {
	if d, err := time.ParseDuration(s); err != nil || d <= 0 {
		r.fail(p, "%q is no duration, such as 5s", s)
	}
	return s
}

func colourNames() string {
	var names []string
	for _, c := range Colours() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
