package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
)

// Prefs is what the user has chosen, as it is kept in a file.
type Prefs struct {
	Mouse      bool                `yaml:"mouse"`            // wheel and clicks come to us
	ASCII      bool                `yaml:"ascii"`            // no other characters are drawn
	Background string              `yaml:"background"`       // dark, light or auto
	Sort       map[string]string   `yaml:"sort,omitempty"`   // by view: a column, with - in front the other way round
	Hidden     map[string][]string `yaml:"hidden,omitempty"` // by view: columns
}

// The backgrounds that can be chosen.
const (
	BackgroundAuto  = "auto" // the terminal says
	BackgroundDark  = "dark"
	BackgroundLight = "light"
)

// DefaultPrefs are those of somebody who has chosen nothing.
func DefaultPrefs() Prefs {
	return Prefs{Mouse: true, Background: BackgroundAuto, Sort: map[string]string{}, Hidden: map[string][]string{}}
}

// Clone is a copy that shares nothing.
func (p *Prefs) Clone() Prefs {
	c := *p
	c.Sort, c.Hidden = maps.Clone(p.Sort), maps.Clone(p.Hidden)
	return c
}

// Preferences keeps what the user has chosen.
type Preferences interface {
	// Load returns what was kept. Its error may come with what could be read.
	Load() (Prefs, error)
	Save(p Prefs) error
}

// PrefsFile keeps preferences in a YAML file of that name.
type PrefsFile string

// Load reads the file. One that is not there is no error; of one that cannot be
// read, the error says where and why, and the preferences are the default.
func (f PrefsFile) Load() (Prefs, error) {
	p := DefaultPrefs()
	b, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = yaml.UnmarshalWithOptions(b, &p, yaml.Strict())
	}
	if err == nil && !slices.Contains([]string{BackgroundAuto, BackgroundDark, BackgroundLight}, p.Background) {
		err = fmt.Errorf("background %q: dark, light or auto", p.Background)
	}
	if err != nil {
		return DefaultPrefs(), fmt.Errorf("%s: %w", string(f), err)
	}
	if p.Sort == nil {
		p.Sort = map[string]string{}
	}
	if p.Hidden == nil {
		p.Hidden = map[string][]string{}
	}
	return p, nil
}

// Save writes the file, whole or not at all.
func (f PrefsFile) Save(p Prefs) error {
	b, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	folder := filepath.Dir(string(f))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(folder, "config-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(t.Name()) }() // gone when all went well
	_, err = t.Write(b)
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), string(f))
}
