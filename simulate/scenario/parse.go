package scenario

import (
	"errors"
	"fmt"

	"etcd-lock/internal/yamlfile"
)

// ParseError says what is wrong with a scenario file, and where.
type ParseError struct {
	File   string
	Line   int // from 1
	Column int // from 1
	Msg    string
}

// Error formats the error as file:line:column: message, the way editors read it.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

var form = yamlfile.Form{
	Empty:   "empty file: a scenario needs a name and clients",
	Second:  "second document: a file has one scenario",
	Flags:   []string{"try", "compact"},
	Renamed: map[string]string{"make": "impl"},
}

// Parse parses a scenario. file is its name for messages. Every error is a *ParseError
// with the position in the file.
func Parse(file string, data []byte) (*Scenario, error) {
	var doc document
	f, err := form.Decode(file, data, &doc)
	if err != nil {
		return nil, parseError(err)
	}
	r := reader{from: file, file: f}
	sc := r.scenario(doc)
	if r.err != nil {
		return nil, parseError(r.err)
	}
	return sc, nil
}

func parseError(err error) error {
	var e *yamlfile.Error
	if errors.As(err, &e) {
		return (*ParseError)(e)
	}
	return err
}
