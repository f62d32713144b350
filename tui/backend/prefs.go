package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"etcd-lock/internal/yamlfile"
)

// Prefs are the user's preferences, as stored in a file.
type Prefs struct {
	Mouse      bool                `yaml:"mouse"`            // wheel and clicks go to the UI, not to the terminal
	ASCII      bool                `yaml:"ascii"`            // only ASCII is drawn
	Background string              `yaml:"background"`       // dark, light or auto
	Ask        string              `yaml:"ask"`              // before a lock is requested: others or always
	Sort       map[string]string   `yaml:"sort,omitempty"`   // by screen: a column, reversed with - in front
	Hidden     map[string][]string `yaml:"hidden,omitempty"` // by screen: columns
	Views      []View              `yaml:"views,omitempty"`  // filters with a name, in the order of their keys

	File *yamlfile.File `yaml:"-"` // that they were read from; nil: none
}

// At says where in the file a value stands, as errors begin, without its folder, which would
// leave a line of 80 columns little room: its path is names of fields and indices of lists.
// Empty if there is no file.
func (p *Prefs) At(path ...any) string {
	if p.File == nil {
		return ""
	}
	e := p.File.Errorf(path, "")
	return fmt.Sprintf("%s:%d:%d: ", filepath.Base(e.File), e.Line, e.Column)
}

// View is a filter and an order of a screen that were saved by a name.
type View struct {
	Name   string `yaml:"name"`
	Screen string `yaml:"screen"`           // which has a number: locks, sessions ...
	Filter string `yaml:"filter,omitempty"` // empty: all rows
	Sort   string `yaml:"sort,omitempty"`   // a column, reversed with - in front; empty: the usual order
}

// The backgrounds that can be chosen.
const (
	BackgroundAuto  = "auto" // the terminal says
	BackgroundDark  = "dark"
	BackgroundLight = "light"
)

// When the user is asked before a lock is requested.
const (
	AskOthers = "others" // when other clients hold it or wait for it
	AskAlways = "always"
)

// DefaultPrefs returns the preferences of a new user.
func DefaultPrefs() Prefs {
	return Prefs{Mouse: true, Background: BackgroundAuto, Ask: AskOthers, Sort: map[string]string{}, Hidden: map[string][]string{}}
}

// Clone returns a deep copy.
func (p *Prefs) Clone() Prefs {
	c := *p
	c.Sort, c.Hidden, c.Views = maps.Clone(p.Sort), maps.Clone(p.Hidden), slices.Clone(p.Views)
	return c
}

// Preferences are what the user has chosen, and the file that keeps it. All clusters that a UI
// shows share them: with copies, one that has not read the file yet, or that saves later,
// would undo what was chosen while another one was shown.
type Preferences struct {
	Prefs // to be read and changed by the UI's loop alone

	file  PrefsFile // empty: nothing keeps them
	fault error     // of the file, which is not written over; nil: it could be read
	told  bool      // Faults have been asked for

	begun int // saves
	mu    sync.Mutex
	saved int // the last one of them that is in the file
}

// OpenPreferences reads what a file keeps. An empty name keeps nothing.
func OpenPreferences(file PrefsFile) *Preferences {
	p := &Preferences{Prefs: DefaultPrefs(), file: file}
	if file != "" {
		p.Prefs, p.fault = file.Load()
	}
	return p
}

// Kept reports whether they are there the next time too.
func (p *Preferences) Kept() bool { return p.file != "" && p.fault == nil }

// Faults returns, once, what is wrong: the error of the file, or what check finds in them.
func (p *Preferences) Faults(check func() []string) []string {
	told := p.told
	p.told = true
	switch {
	case told:
		return nil
	case p.fault != nil:
		return []string{p.fault.Error()}
	default:
		return check()
	}
}

// Saving returns what writes them to the file as they are now, in the background; nil: nothing
// keeps them. Of several that run at once, the one that was begun last wins.
func (p *Preferences) Saving() func() error {
	if !p.Kept() {
		return nil
	}
	p.begun++
	n, now := p.begun, p.Clone()
	return func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if n < p.saved {
			return nil
		}
		p.saved = n
		return p.file.Save(now)
	}
}

// PrefsFile stores preferences in a YAML file of that name.
type PrefsFile string

// prefsForm is what the file looks like.
var prefsForm = yamlfile.Form{Empty: "there is nothing in it", Second: "one document is wanted", Flags: []string{"mouse", "ascii"}}

// Load reads the file. A missing file is no error. If it cannot be parsed, the
// error says where and why, and the preferences are the default.
func (f PrefsFile) Load() (Prefs, error) {
	p := DefaultPrefs()
	b, err := os.ReadFile(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err != nil:
		return p, fmt.Errorf("preferences: %w", err)
	}
	var wrong *yamlfile.Error
	file, err := prefsForm.Decode(string(f), b, &p)
	if errors.As(err, &wrong) && wrong.Msg != prefsForm.Empty {
		return DefaultPrefs(), err
	}
	err = nil
	if !slices.Contains([]string{BackgroundAuto, BackgroundDark, BackgroundLight}, p.Background) {
		err = fmt.Errorf("background %q: dark, light or auto", p.Background)
	}
	if p.Ask == "" {
		p.Ask = AskOthers
	}
	if err == nil && p.Ask != AskOthers && p.Ask != AskAlways {
		err = fmt.Errorf("ask %q: others or always", p.Ask)
	}
	if err == nil && slices.ContainsFunc(p.Views, func(v View) bool { return v.Name == "" || v.Screen == "" }) {
		err = errors.New("views: each needs a name and a screen")
	}
	if err != nil {
		return DefaultPrefs(), fmt.Errorf("%s: %w", string(f), err)
	}
	if wrong == nil {
		p.File = file
	}
	if p.Sort == nil {
		p.Sort = map[string]string{}
	}
	if p.Hidden == nil {
		p.Hidden = map[string][]string{}
	}
	return p, nil
}

// Save replaces the file atomically.
func (f PrefsFile) Save(p Prefs) error {
	b, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	folder := filepath.Dir(string(f))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(folder, "ui-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(t.Name()) }() // which is renamed by now if all went well
	_, err = t.Write(b)
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), string(f))
}
