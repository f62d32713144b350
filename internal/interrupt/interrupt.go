// Package interrupt ends the waiting for what nothing ends: the opening of a pipe, which waits
// for another program that may never come.
package interrupt

import (
	"context"
	"os"
)

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

// ReadFile returns what a file has, or the error of ctx if that ends first: a file may be a
// pipe.
func ReadFile(ctx context.Context, name string) ([]byte, error) {
	return Await(ctx, func() ([]byte, error) { return os.ReadFile(name) })
}
