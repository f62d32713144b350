package layout

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message without its schema. Its fields are paths of field
// numbers such as 2.1.
type message []byte

// field returns the last field of a number, which is the one that counts.
func (m message) field(number protowire.Number) (content []byte, n uint64, found bool) {
	b := []byte(m)
	for len(b) > 0 {
		num, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return nil, 0, false
		}
		b = b[size:]
		size = protowire.ConsumeFieldValue(num, kind, b)
		if size < 0 {
			return nil, 0, false
		}
		if num == number {
			switch kind {
			case protowire.BytesType:
				content, _ = protowire.ConsumeBytes(b)
				n, found = 0, true
			case protowire.VarintType:
				n, _ = protowire.ConsumeVarint(b)
				content, found = nil, true
			}
		}
		b = b[size:]
	}
	return content, n, found
}

// sub returns the message that a path leads to, and the number of the last field.
func (m message) sub(path string) (message, protowire.Number, bool) {
	numbers := strings.Split(path, ".")
	for i, s := range numbers {
		n, err := strconv.Atoi(s)
		number := protowire.Number(n) //nolint:gosec // checked by IsValid
		if err != nil || !number.IsValid() {
			return nil, 0, false
		}
		if i == len(numbers)-1 {
			return m, number, true
		}
		content, _, _ := m.field(number)
		m = content
	}
	return nil, 0, false
}

// get returns a field as text: an integer in decimal. A field that is not in the message
// is empty, as in protobuf itself.
func (m message) get(path string) (string, bool) {
	in, number, ok := m.sub(path)
	if !ok {
		return "", false
	}
	content, n, found := in.field(number)
	if found && content == nil && n != 0 {
		return strconv.FormatUint(n, 10), true
	}
	return cutText(string(content)), true
}

// wellFormed reports whether bytes can be a message.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		_, _, size := protowire.ConsumeField(b)
		if size < 0 {
			return false
		}
		b = b[size:]
	}
	return true
}

// timestamp returns a field that is a message of seconds and nanoseconds.
func (m message) timestamp(path string) (time.Time, bool) {
	in, number, ok := m.sub(path)
	if !ok {
		return time.Time{}, false
	}
	content, _, found := in.field(number)
	if !found || content == nil {
		return time.Time{}, false
	}
	_, seconds, _ := message(content).field(1)
	_, nanos, _ := message(content).field(2)
	if seconds == 0 || seconds > maxMillis/1000 || nanos >= uint64(time.Second) {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), int64(nanos)).UTC(), true
}
