// Package doctor is what the command doctor does: it checks what etcd-lock needs, and
// says what is missing.
package doctor

import (
	"context"
	"fmt"
	"strings"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/layout"
)

// state says what came of a check.
type state string

const (
	ok      state = "ok"
	warning state = "warning"
	failed  state = "failed"
	unknown state = "unknown"
)

func (s state) tone() output.Tone {
	return map[state]output.Tone{ok: output.Holding, warning: output.Warning, failed: output.Critical, unknown: output.Waiting}[s]
}

// check is something that was checked, as doctor -o json prints it.
type check struct {
	Check string `json:"check"`
	State state  `json:"state"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// failure is a check that an error has failed.
func failure(name string, err error) check {
	return check{Check: name, State: failed, Text: format.Plainly(err), Hint: hint.Of(err)}
}

// Options are the options of Run.
type Options struct {
	Version    string // of this program
	Prefix     string
	Terminal   Terminal
	Variables  []string // of the environment that are set and have an effect; values may be secret
	Connection connect.Options
	Rules      func() (*layout.Set, error)
	Connect    func(context.Context) (*connect.Conn, error)
	Out        output.Printer
}

// Terminal is what the terminal UI would be shown on.
type Terminal struct {
	Is            bool // standard output is one
	Width, Height int
	Kind          string // TERM
	Within        string // a multiplexer or a login over the network; empty without
	NoColor       bool
	Unicode       bool   // by the locale
	Locale        string // as the environment has it
}

// Run checks everything, and reports whether nothing has failed.
func Run(ctx context.Context, opts *Options) (healthy bool, err error) {
	checks := []check{{Check: "program", State: ok, Text: opts.Version}}
	checks = append(checks, opts.Terminal.checks()...)
	checks = append(checks, opts.configuration()...)
	checks = append(checks, opts.etcd(ctx)...)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	healthy = true
	for _, c := range checks {
		healthy = healthy && c.State != failed
	}
	if opts.Out.Format == output.JSON {
		return healthy, opts.Out.Document(struct {
			Healthy bool    `json:"healthy"`
			Checks  []check `json:"checks"`
		}{healthy, checks})
	}
	return healthy, write(opts.Out, checks)
}

func write(out output.Printer, checks []check) error {
	var rows [][]output.Cell
	for _, c := range checks {
		rows = append(rows, []output.Cell{{Text: c.Check}, {Text: string(c.State), Tone: c.State.tone()}, {Text: c.Text}})
	}
	if err := out.Table([]string{"CHECK", "RESULT", "WHAT"}, rows); err != nil {
		return err
	}
	for _, c := range checks {
		if c.Hint == "" {
			continue
		}
		if err := out.Sentences("", output.Cell{Text: c.Check, Tone: c.State.tone()}, c.Hint); err != nil {
			return err
		}
	}
	return nil
}

// The terminal UI shows less below this size.
const (
	minWidth  = 80
	minHeight = 24
)

func (t Terminal) checks() []check {
	c := check{Check: "terminal", State: ok, Text: strings.Join(t.describe(), ", ")}
	switch {
	case !t.Is:
		c.State, c.Hint = warning, "the terminal UI needs a terminal on standard output; the commands do not"
	case t.Kind == "dumb" || t.Kind == "":
		c.State, c.Hint = warning, "TERM says that the terminal can only print, so there is no terminal UI; the commands work"
	case t.Width < minWidth || t.Height < minHeight:
		c.State, c.Hint = warning, fmt.Sprintf("the terminal UI has room for everything from %d×%d on", minWidth, minHeight)
	}
	locale := check{Check: "locale", State: ok, Text: t.Locale}
	switch {
	case t.Locale == "":
		locale.Text = "not set: Unicode is assumed"
	case !t.Unicode:
		locale.State, locale.Hint = warning, "the terminal UI draws with ASCII characters, because the locale is not UTF-8; LANG=C.UTF-8 changes that"
	}
	return []check{c, locale}
}

func (t Terminal) describe() []string {
	if !t.Is {
		return []string{"none on standard output"}
	}
	words := []string{fmt.Sprintf("%d×%d", t.Width, t.Height), "TERM=" + t.Kind}
	if t.Within != "" {
		words = append(words, "in "+t.Within)
	}
	if t.NoColor {
		words = append(words, "no colours")
	}
	return words
}

func (opts *Options) configuration() []check {
	c := check{Check: "layouts", State: ok}
	if rules, err := opts.Rules(); err != nil {
		c = failure("layouts", err)
	} else {
		c.Text = fmt.Sprintf("%d rules", len(rules.Rules()))
	}
	set := check{Check: "environment", State: ok, Text: strings.Join(opts.Variables, ", ")}
	if set.Text == "" {
		set.Text = "no variable of etcdctl is set"
	}
	return []check{c, set}
}
