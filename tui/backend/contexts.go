package backend

import "context"

// Context is an etcd under a name.
type Context struct {
	Name      string
	Colour    string // as the configuration file calls it; empty: the usual one
	ReadOnly  bool   // as the configuration says: nothing is written unless the user allows it
	Endpoints string
	Password  bool // is asked for
}

// ContextBefore stands for what was shown before: a context, or several. ContextAll stands
// for all that there are, unless one has that name.
const (
	ContextBefore = "-"
	ContextAll    = "all"
)

// Member is one of several contexts that are shown in one table from the beginning.
type Member struct {
	Name     string
	Password string // that was asked for; empty: none was
	Options  Options
	End      func() // its connection
	Err      error  // why there is no connection; then the name is all that there is
}

// Contexts are the clusters that the user can go to.
type Contexts interface {
	// List returns them, sorted by name.
	List() []Context
	// Password asks for the password of a context at the terminal, which nobody else may
	// use meanwhile.
	Password(ctx context.Context, name string) (string, error)
	// Open connects to a context. The function ends the connection, once nothing uses the
	// options any more.
	Open(ctx context.Context, name, password string) (o Options, end func(), err error)
	// Final reports whether it does not help to connect again, after an error of Open: until
	// its user does something about it, as about a wrong password.
	Final(err error) bool
}
