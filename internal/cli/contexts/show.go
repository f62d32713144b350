package contexts

import (
	"errors"
	"slices"
	"strings"

	"etcd-lock/internal/config"
	"etcd-lock/internal/console"
	"etcd-lock/tui/backend"
)

// Show describes a context for the terminal UI.
func Show(c config.Context) backend.Context {
	where := strings.Join(c.Get("endpoints"), ",")
	if domain := first(c, "discovery-srv"); domain != "" {
		where = "SRV " + domain
	}
	return backend.Context{
		Name: c.Name, Colour: string(c.Colour), ReadOnly: c.ReadOnly, Endpoints: where,
		Password: first(c, "user") != "" && first(c, "password-file") == "",
	}
}

// Keys are the keys that the user calls otherwise, for the terminal UI.
func Keys(f config.File) []backend.Key {
	var all []backend.Key
	for _, k := range f.Keys {
		one := backend.Key{Screen: k.Screen, From: k.From, To: k.To}
		if k.Screen == config.Everywhere {
			one.Screen = ""
		}
		all = append(all, one)
	}
	return all
}

// Commands are the commands on rows in a context.
func Commands(f config.File, context string) []backend.Command {
	var all []backend.Command
	for _, c := range f.Commands {
		if len(c.Contexts) == 0 || slices.Contains(c.Contexts, context) {
			all = append(all, command(c))
		}
	}
	return all
}

func command(c config.Command) backend.Command {
	shown := backend.Command{
		Key: c.Key, Name: c.Name, Screens: c.Screens, Confirm: c.Confirm, Dangerous: c.Dangerous, Background: c.Background,
		Line: func(values map[string]string) (backend.CommandLine, error) {
			line, err := c.Run.Line(values)
			return backend.CommandLine(line), err
		},
	}
	for _, p := range c.Prompts {
		shown.Prompts = append(shown.Prompts, backend.CommandPrompt(p))
	}
	return shown
}

// CheckKeys finds keys that have two meanings, and those that there are none of. Commands of
// two contexts may have the same key.
func CheckKeys(f config.File) error {
	for _, name := range append(f.Names(), "") {
		commands := Commands(f, name)
		err := console.CheckKeys(Keys(f), commands)
		var bad *backend.KeyError
		switch {
		case errors.As(err, &bad) && bad.Command:
			i := slices.IndexFunc(f.Commands, func(c config.Command) bool {
				return c.Key == commands[bad.Index].Key && c.Name == commands[bad.Index].Name
			})
			return f.Errorf(f.Commands[i].At.To("key"), "%s", bad.Text)
		case bad != nil:
			return f.Errorf(f.Keys[bad.Index].At, "%s", bad.Text)
		}
	}
	return nil
}
