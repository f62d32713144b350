package console

import (
	"context"
	"time"

	"etcd-lock/internal/hooks"
	"etcd-lock/tui/backend"
)

// Signals returns what a terminal can be sent to notify its user, the one that all know first.
func Signals() []string { return backend.Signals() }

// notifyTime is how long a program may take that is told of something.
const notifyTime = 10 * time.Second

// notifier tells a program, whose last argument is the text. It implements backend.Notifier.
type notifier struct{ hooks.Program }

// Notify implements backend.Notifier.
func (p notifier) Notify(ctx context.Context, n backend.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	text := "etcd-lock: " + n.Text // which is no option of the program
	return p.Run(ctx, []string{text}, []string{
		hooks.Variable("ETCD_LOCK_EVENT", n.Event), hooks.Variable("ETCD_LOCK_TEXT", n.Text), hooks.Variable("ETCD_LOCK_LOCK", n.Lock),
	}, nil)
}
