package layout

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
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
	AnyValue      Form = "any"        // no evidence; what can be read of it is read
	EmptyValue    Form = "empty"      // no bytes
	TextValue     Form = "text"       // one line of printable text
	UUIDValue     Form = "uuid"       // the 36 characters of a UUID
	UUIDBytes     Form = "uuid-bytes" // its 16 bytes
	Base64Value   Form = "base64"     // bytes in base64
	JSONValue     Form = "json"       // an object
	ProtobufValue Form = "protobuf"   // a message
	OwnerValue    Form = "etcd-lock"  // any value; an owner, if package rwlock wrote it
)

var forms = []Form{
	AnyValue, EmptyValue, TextValue, UUIDValue, UUIDBytes, Base64Value, JSONValue, ProtobufValue, OwnerValue,
}

const (
	// maxValue bounds the values that are read, in bytes. A longer one is other data
	// under a key that looks like a request.
	maxValue = 64 << 10
	// maxText bounds what is kept of a text in a value.
	maxText = 256
)

// value describes the values of a rule.
type value struct {
	form      Form
	version   int            // of UUIDs; 0 for any
	bytes     int            // the length of bytes in base64
	pattern   *regexp.Regexp // of texts; its groups are fields
	after     string         // what comes before a message
	snappy    bool           // messages are compressed
	encrypted string         // what values begin with that cannot be read, because they are encrypted
	has       []condition
	only      bool // a JSON object has no other fields
}

// condition is what a field of a value has to be.
type condition struct {
	field string
	want  string
	is    template // of captures; unless want is one of the words below
}

// What a field can have to be, other than a template.
const (
	wantAnything = "*"       // the value has the field
	wantLease    = "{lease}" // the key's own lease, in decimal
)

// read reads a value, and returns why it is not of the form.
func (v *value) read(b []byte) (f fields, problem string) {
	if len(b) > maxValue {
		if v.form == AnyValue || v.form == OwnerValue {
			return f, ""
		}
		return f, fmt.Sprintf("the value has %d bytes: more than %d are not read", len(b), maxValue)
	}
	switch v.form {
	case EmptyValue:
		return f, unless(len(b) == 0, "the value is not empty")
	case TextValue:
		return v.readText(b)
	case UUIDValue, UUIDBytes:
		return v.readUUID(b)
	case Base64Value:
		raw, err := base64.StdEncoding.Strict().DecodeString(string(b))
		if err != nil || len(raw) != v.bytes {
			return f, "the value is not " + strconv.Itoa(v.bytes) + " bytes in base64"
		}
		return f, ""
	case JSONValue:
		return v.readJSON(b)
	case ProtobufValue:
		return v.readMessage(b)
	case OwnerValue:
		return f, ""
	default:
		return fields{form: AnyValue, raw: b, pattern: v.pattern}, ""
	}
}

func (v *value) readText(b []byte) (f fields, problem string) {
	switch {
	case len(b) == 0:
		return f, "the value is empty"
	case v.pattern == nil && !isText(b):
		return f, "the value is not a line of text"
	case v.pattern != nil && !v.pattern.Match(b):
		return f, "the value does not match " + quoteRule(v.pattern.String())
	}
	return fields{form: TextValue, raw: b, pattern: v.pattern}, ""
}

// isText reports whether a value is a line of text.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			return false
		}
		b = b[size:]
	}
	return true
}

// cutText cuts a text that is too long to be a name, and replaces what is not UTF-8 in it.
func cutText(s string) string {
	valid := strings.ToValidUTF8(cutBytes(s, maxText), "\uFFFD") // which can be longer
	short := cutBytes(valid, maxText)
	if len(s) > maxText || len(short) < len(valid) {
		short += "…"
	}
	return short
}

// cutBytes cuts a text before a rune.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func (v *value) readUUID(b []byte) (f fields, problem string) {
	var u uuid.UUID
	var err error
	switch {
	case v.form == UUIDBytes && len(b) == len(u):
		copy(u[:], b)
	case v.form == UUIDValue && len(b) == 36:
		u, err = uuid.ParseBytes(b)
	default:
		return f, "the value is not a UUID: it has " + strconv.Itoa(len(b)) + " bytes"
	}
	switch {
	case err != nil || u.Variant() != uuid.RFC4122:
		return f, "the value is not a UUID"
	case v.version != 0 && int(u.Version()) != v.version:
		return f, fmt.Sprintf("the value is a UUID of version %d and not %d", u.Version(), v.version)
	}
	return fields{form: v.form, id: u}, ""
}

func (v *value) readJSON(b []byte) (f fields, problem string) {
	o, ok := parseObject(b)
	if !ok {
		return f, "the value is not a JSON object"
	}
	if v.only {
		for name := range o {
			if !v.names(name) {
				return f, "the value has more fields than those that it may have"
			}
		}
	}
	return fields{form: JSONValue, object: o}, ""
}

// names reports whether a condition is about a field of an object.
func (v *value) names(field string) bool {
	for _, c := range v.has {
		if c.field == "."+field {
			return true
		}
	}
	return false
}

func (v *value) readMessage(b []byte) (f fields, problem string) {
	if !hasPrefix(b, v.after) {
		return f, "the value does not begin with " + quoteRule(v.after)
	}
	b = b[len(v.after):]
	if v.snappy {
		n, err := snappy.DecodedLen(b)
		if err != nil || n > maxValue {
			return f, "the value is not compressed with Snappy"
		}
		if b, err = snappy.Decode(nil, b); err != nil {
			return f, "the value is not compressed with Snappy"
		}
	}
	if !wellFormed(b) {
		return f, "the value is not a protobuf message"
	}
	return fields{form: ProtobufValue, message: b}, ""
}

// check makes sure that fields are as they have to be.
func (v *value) check(s *scope, kv KV) string {
	for i := range v.has {
		if problem := v.has[i].check(s, kv); problem != "" {
			return problem
		}
	}
	return ""
}

func (c *condition) check(s *scope, kv KV) string {
	if c.want == wantAnything {
		if !s.fields.present(c.field) {
			return "the value has no field " + c.field
		}
		return ""
	}
	got, ok := s.fields.get(c.field)
	if !ok {
		return "the value has no field " + c.field
	}
	if c.want == wantLease {
		if !isLease(got, kv.Lease, 10) {
			return "the value's field " + c.field + " is not the key's lease"
		}
		return ""
	}
	if want, ok := c.is.render(s); !ok || want != got {
		return "the value's field " + c.field + " is not " + c.want
	}
	return ""
}
