package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// fields is what can be read from a value: parts of it by name. Which names there are
// depends on the form of the value:
//
//   - any: text if it is a line of text, .path if it is a JSON object, and the groups of
//     the pattern if it matches;
//   - text: text, and the groups of the pattern;
//   - uuid, uuid-bytes: uuid, and node of a version 1;
//   - json: .path;
//   - protobuf: numbers such as 2.1.
type fields struct {
	form    Form
	raw     []byte         // of texts, and of any value
	pattern *regexp.Regexp // of texts
	id      uuid.UUID
	object  object
	parsed  bool // object is what any value has, if it is one
	message message
}

// get returns a field as text.
func (f *fields) get(name string) (string, bool) {
	switch f.form {
	case AnyValue:
		if strings.HasPrefix(name, ".") {
			if !f.parsed {
				f.object, _ = parseObject(f.raw)
				f.parsed = true
			}
			return f.object.get(name)
		}
		return f.text(name)
	case TextValue:
		return f.text(name)
	case UUIDValue, UUIDBytes:
		return f.uuid(name)
	case JSONValue:
		return f.object.get(name)
	case ProtobufValue:
		return f.message.get(name)
	default:
		return "", false
	}
}

// present reports whether the value has a field. Only JSON has fields that are empty.
func (f *fields) present(name string) bool {
	if f.form == JSONValue {
		_, ok := f.object.at(name)
		return ok
	}
	text, ok := f.get(name)
	return ok && text != ""
}

func (f *fields) text(name string) (string, bool) {
	if name != "text" {
		return f.group(name)
	}
	if len(f.raw) == 0 || !isText(f.raw) {
		return "", false
	}
	return cutText(string(f.raw)), true
}

func (f *fields) group(name string) (string, bool) {
	if f.pattern == nil {
		return "", false
	}
	i := f.pattern.SubexpIndex(name)
	found := f.pattern.FindSubmatchIndex(f.raw)
	if i < 0 || found == nil || found[2*i] < 0 {
		return "", false
	}
	return cutText(string(f.raw[found[2*i]:found[2*i+1]])), true
}

func (f *fields) uuid(name string) (string, bool) {
	n := f.id.NodeID()
	switch {
	case name == "uuid":
		return f.id.String(), true
	case name == "node" && f.id.Version() == 1 && n[0]&1 == 0: // otherwise the node is random
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", n[0], n[1], n[2], n[3], n[4], n[5]), true
	}
	return "", false
}

// object is a JSON object. Its fields are paths such as .owner.host.
type object map[string]any

func parseObject(b []byte) (object, bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, false
	}
	_, err := d.Token()
	return o, err == io.EOF
}

// at returns what a path leads to.
func (o object) at(path string) (any, bool) {
	var at any = map[string]any(o)
	for path != "" {
		var name string
		name, path, _ = strings.Cut(strings.TrimPrefix(path, "."), ".")
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[name]; !ok {
			return nil, false
		}
	}
	return at, true
}

func (o object) get(path string) (string, bool) {
	at, ok := o.at(path)
	if !ok {
		return "", false
	}
	switch at := at.(type) {
	case string:
		return cutText(at), true
	case json.Number:
		return cutText(at.String()), true
	case bool:
		return fmt.Sprint(at), true
	default:
		return "", at == nil
	}
}

// list returns the texts in an array. It is not ok if that has anything else in it.
func (o object) list(path string) (texts []string, ok bool) {
	at, ok := o.at(path)
	if !ok || at == nil {
		return nil, ok
	}
	items, ok := at.([]any)
	for _, item := range items {
		s, isText := item.(string)
		if !isText {
			return nil, false
		}
		texts = append(texts, cutText(s))
	}
	return texts, ok
}
