package interrupt

import (
	"context"
	"errors"
	"testing"
)

// What is awaited is returned, or the end of the context if that comes first.
func TestAwait(t *testing.T) {
	failed := errors.New("failed")
	if got, err := Await(t.Context(), func() (int, error) { return 7, failed }); got != 7 || !errors.Is(err, failed) {
		t.Errorf("Await = %d, %v", got, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	never := make(chan struct{})
	defer close(never)
	if got, err := Await(ended, func() (int, error) { <-never; return 7, nil }); got != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Await = %d, %v", got, err)
	}
}
