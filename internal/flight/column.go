package flight

import (
	"fmt"
	"strconv"
	"strings"
)

// column is numbers of a batch. A column in which all numbers are what they are mostly is
// left out of the line.
type column []int64

// MarshalJSON implements json.Marshaler.
func (c column) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 4*len(c)+2), '[')
	for i, n := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *column) UnmarshalJSON(b []byte) error {
	*c = make(column, 0, len(b)/2)
	for i := 1; i < len(b) && b[i] != ']'; i++ {
		var n int64
		first := i
		for ; b[i] != ',' && b[i] != ']'; i++ {
			if b[i] >= '0' && b[i] <= '9' {
				n = 10*n + int64(b[i]-'0')
			} else if b[i] != '-' && b[i] != ' ' {
				return fmt.Errorf("%q is no number of a column", b[first:i+1])
			}
		}
		if b[first] == '-' {
			n = -n
		}
		*c = append(*c, n)
		if b[i] == ']' {
			break
		}
	}
	return nil
}

// isAll reports whether all numbers are n.
func (c column) isAll(n int64) bool {
	for _, m := range c {
		if m != n {
			return false
		}
	}
	return true
}

// without returns the column, or nothing if all numbers are n.
func (c column) without(n int64) column {
	if c.isAll(n) {
		return nil
	}
	return c
}

// next returns the number at i and moves on. It is usual if the column was left out.
func (c column) next(i *int, usual int64) (int64, error) {
	if c == nil {
		return usual, nil
	}
	if *i >= len(c) {
		return 0, errShort
	}
	*i++
	return c[*i-1], nil
}

// without is column.without for a text of one letter each.
func without(letters string, letter byte) string {
	if strings.Count(letters, string(letter)) == len(letters) {
		return ""
	}
	return letters
}
