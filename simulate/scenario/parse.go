package scenario

import "etcd-lock/internal/yamlfile"

// ParseError says what is wrong with a scenario file, and where.
type ParseError = yamlfile.Error

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
		return nil, err
	}
	r := reader{from: file, file: f}
	sc := r.scenario(doc)
	if r.err != nil {
		return nil, r.err
	}
	return sc, nil
}
