// Package interrupt ends the waiting for what nothing ends: the opening of a pipe, which waits
// for another program that may never come.
package interrupt

import "context"

// Await returns what f returns, or the error of ctx if that ends first. Then f goes on to its
// end, which is that of the process at the latest.
func Await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
