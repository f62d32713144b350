// Package hint attaches advice to errors: what the user can do about them. The
// command line prints the advice on a line of its own, below the error.
package hint

import "errors"

// advised is an error with a hint. Its text is that of the error alone.
type advised struct {
	error
	hint string
}

func (e advised) Unwrap() error { return e.error }

// Add returns err with a hint, or nil when err is nil.
func Add(err error, hint string) error {
	if err == nil {
		return nil
	}
	return advised{error: err, hint: hint}
}

// Of returns the first hint in err's tree, and "" when there is none.
func Of(err error) string {
	var a advised
	if errors.As(err, &a) {
		return a.hint
	}
	return ""
}
