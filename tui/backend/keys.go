package backend

// Key gives a key of the UI other names.
type Key struct {
	Screen string // on which; empty: on all
	From   string
	To     []string // none: it is off
}

// KeyError says why a key cannot be had.
type KeyError struct {
	Command bool // of a command, else of the keys
	Index   int  // of it
	Text    string
}

func (e *KeyError) Error() string { return e.Text }

// Commands runs programs for a row.
type Commands interface {
	// List returns what there is.
	List() []Command
	// Terminal runs a program that has the terminal, until it has ended and the user has
	// read what it printed.
	Terminal(line CommandLine) error
	// Background runs a program that has none, until it ends or ctx does, and returns the
	// last line that it printed.
	Background(line CommandLine, stop <-chan struct{}) (last string, err error)
}

// Command is a program that a key runs for the row under the cursor.
type Command struct {
	Key, Name  string
	Screens    []string // on which the key works
	Prompts    []CommandPrompt
	Confirm    bool // it is shown before it runs
	Dangerous  bool // it changes something
	Background bool // it does not get the terminal

	// Line returns what to run for values of a row, or why it must not.
	Line func(values map[string]string) (CommandLine, error)
}

// CommandPrompt asks for a value.
type CommandPrompt struct{ Name, Label, Default string }

// CommandLine is a program with its arguments.
type CommandLine struct {
	Args []string // the program first
	Env  []string // beside the environment of this process
}
