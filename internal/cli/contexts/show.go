package contexts

import (
	"strings"

	"etcd-lock/internal/config"
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
