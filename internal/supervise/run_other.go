//go:build !unix

package supervise

import "context"

// Run returns ErrUnsupported.
func Run(context.Context, Spec) (code int, err error) { return 0, ErrUnsupported }
