package layout

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/klauspost/compress/snappy"
)

// Form is what a value has to look like.
type Form string

// The forms of values.
const (
	AnyValue      Form = "any"        // nothing is read from it
	EmptyValue    Form = "empty"      //
	TextValue     Form = "text"       // one line of printable text
	UUIDValue     Form = "uuid"       // the 36 characters of a UUID
	UUIDBytes     Form = "uuid-bytes" // its 16 bytes
	Base64Value   Form = "base64"     // bytes in base64
	JSONValue     Form = "json"       // an object
	ProtobufValue Form = "protobuf"   // a message
	OwnerValue    Form = "etcd-lock"  // any value; an owner, if package rwlock wrote it
)

const (
	// maxValue bounds the values that are read, in bytes. A longer one is other data
	// under a key that looks like a request.
	maxValue = 64 << 10
	// maxText bounds what is kept of a text in a value.
	maxText = 256
)

// value is what is known of a rule's values.
type value struct {
	form      Form
	version   int               // of UUIDs; 0 for any
	bytes     int               // the length of bytes in base64
	pattern   *regexp.Regexp    // of texts; its groups are fields
	after     string            // what comes before a message
	snappy    bool              // messages are compressed
	encrypted string            // what values begin with that cannot be read, because they are encrypted
	has       map[string]string // fields and what they have to be; "*" for anything
	only      bool              // a JSON object has no other fields
}

// fields is what can be read from a value, by the names of fields.
type fields interface {
	// get returns a field as text.
	get(field string) (string, bool)
}

// read reads a value, and returns why it is not of the form.
func (v *value) read(b []byte) (f fields, problem string) {
	if len(b) > maxValue {
		if v.form == AnyValue || v.form == OwnerValue {
			return nothing{}, ""
		}
		return nil, fmt.Sprintf("the value has %d bytes: more than %d are not read", len(b), maxValue)
	}
	switch v.form {
	case EmptyValue:
		if len(b) > 0 {
			return nil, "the value is not empty"
		}
		return nothing{}, ""
	case TextValue:
		return v.readText(string(b))
	case UUIDValue, UUIDBytes:
		return v.readUUID(b)
	case Base64Value:
		raw, err := base64.StdEncoding.Strict().DecodeString(string(b))
		if err != nil || len(raw) != v.bytes {
			return nil, fmt.Sprintf("the value is not %d bytes in base64", v.bytes)
		}
		return nothing{}, ""
	case JSONValue:
		return v.readJSON(b)
	case ProtobufValue:
		return v.readMessage(b)
	case OwnerValue:
		return nothing{}, ""
	default:
		return anyValue(b), ""
	}
}

// nothing has no fields.
type nothing struct{}

func (nothing) get(string) (string, bool) { return "", false }

// anyValue is a value of which nothing is known. If it is a line of text, it has that.
type anyValue []byte

func (v anyValue) get(field string) (string, bool) {
	if field != "text" || len(v) == 0 || !isText(string(v)) {
		return "", false
	}
	return cutText(string(v)), true
}

// text is a text, with what the groups of a pattern matched.
type text struct {
	all    string
	groups map[string]string
}

func (t text) get(field string) (string, bool) {
	if field == "text" {
		return t.all, true
	}
	s, ok := t.groups[field]
	return s, ok
}

func (v *value) readText(s string) (fields, string) {
	switch {
	case s == "":
		return nil, "the value is empty"
	case v.pattern == nil && !isText(s):
		return nil, "the value is not a line of text"
	case v.pattern == nil:
		return text{all: cutText(s)}, ""
	}
	found := v.pattern.FindStringSubmatch(s)
	if found == nil {
		return nil, fmt.Sprintf("the value does not match %q", v.pattern)
	}
	groups := map[string]string{}
	for i, name := range v.pattern.SubexpNames() {
		if name != "" {
			groups[name] = cutText(found[i])
		}
	}
	return text{cutText(s), groups}, ""
}

// isText reports whether a value is a line of text.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// cutText cuts a text that is too long to be anybody's name.
func cutText(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) && s != "" {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// id is a UUID.
type id uuid.UUID

func (u id) get(field string) (string, bool) {
	switch n := uuid.UUID(u).NodeID(); {
	case field == "uuid":
		return uuid.UUID(u).String(), true
	case field == "node" && uuid.UUID(u).Version() == 1:
		return fmt.Sprintf("%x:%x:%x:%x:%x:%x", n[0:1], n[1:2], n[2:3], n[3:4], n[4:5], n[5:6]), true
	}
	return "", false
}

func (v *value) readUUID(b []byte) (fields, string) {
	var u uuid.UUID
	var err error
	if v.form == UUIDBytes {
		u, err = uuid.FromBytes(b)
	} else if len(b) == 36 {
		u, err = uuid.ParseBytes(b)
	} else {
		err = fmt.Errorf("%d bytes", len(b))
	}
	switch {
	case err != nil || u.Variant() != uuid.RFC4122:
		return nil, "the value is not a UUID"
	case v.version != 0 && int(u.Version()) != v.version:
		return nil, fmt.Sprintf("the value is a UUID of version %d and not %d", u.Version(), v.version)
	}
	return id(u), ""
}

// object is a JSON object. Its fields are paths such as .owner.host.
type object map[string]any

func (o object) get(field string) (string, bool) {
	var at any = map[string]any(o)
	for _, name := range strings.Split(strings.TrimPrefix(field, "."), ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return "", false
		}
		if at, ok = m[name]; !ok {
			return "", false
		}
	}
	switch at := at.(type) {
	case string:
		return cutText(at), true
	case json.Number:
		return at.String(), true
	case bool:
		return fmt.Sprint(at), true
	case nil:
		return "", true
	default:
		return "", false
	}
}

// list returns the texts in an array.
func (o object) list(field string) []string {
	items, _ := o[strings.TrimPrefix(field, ".")].([]any)
	var texts []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			texts = append(texts, cutText(s))
		}
	}
	return texts
}

func (v *value) readJSON(b []byte) (fields, string) {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, "the value is not a JSON object"
	}
	if v.only {
		for name := range o {
			if _, known := v.has["."+name]; !known {
				return nil, fmt.Sprintf("the value has a field %q", cutText(name))
			}
		}
	}
	return o, ""
}

func (v *value) readMessage(b []byte) (fields, string) {
	rest, ok := strings.CutPrefix(string(b), v.after)
	if !ok {
		return nil, fmt.Sprintf("the value does not begin with %q", v.after)
	}
	b = []byte(rest)
	if v.snappy {
		n, err := snappy.DecodedLen(b)
		if err != nil || n > maxValue {
			return nil, "the value is not compressed with Snappy"
		}
		if b, err = snappy.Decode(nil, b); err != nil {
			return nil, "the value is not compressed with Snappy"
		}
	}
	if !wellFormed(b) {
		return nil, "the value is not a protobuf message"
	}
	return message(b), ""
}
