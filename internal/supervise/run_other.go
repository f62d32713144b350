//go:build !unix

package supervise

import (
	"context"
	"syscall"
)

// Run returns ErrUnsupported.
func Run(context.Context, Spec) (code int, err error) { return 0, ErrUnsupported }

// ParseSignal returns ErrUnsupported.
func ParseSignal(string) (syscall.Signal, error) { return 0, ErrUnsupported }
