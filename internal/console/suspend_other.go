//go:build !unix

package console

// suspend is nil where processes cannot be stopped by a signal.
var suspend func() error
