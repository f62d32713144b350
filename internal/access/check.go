package access

import (
	"context"
	"errors"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/kine"
)

// Report is what a user may do below a prefix.
type Report struct {
	Auth      bool  // authentication is enabled
	AuthErr   error // why that is unknown
	Grants    Grants
	GrantsErr error // why they are unknown
	Actions   []Action
}

// Action is something that takes permissions.
type Action struct {
	Name    string
	Allowed bool
	Unknown bool // etcd gave no answer that says
	Reason  string
}

// Check finds out what user, who client is logged in as, may do below prefix. It
// writes nothing. What etcd does not answer is unknown in the report; the error is for
// a ctx that ended.
func Check(ctx context.Context, client *clientv3.Client, user, prefix string) (Report, error) {
	var report Report
	report.Auth, report.AuthErr = isAuthEnabled(ctx, client, user)
	if report.Auth || report.AuthErr != nil && user != "" {
		report.Grants, report.GrantsErr = FindGrants(ctx, client, user)
		if errors.Is(report.GrantsErr, rpctypes.ErrUserNotFound) { // a certificate need not belong to a user
			report.GrantsErr = nil
		}
	}
	for _, p := range probes(client, prefix) {
		report.Actions = append(report.Actions, p.action(report, p.try(ctx)))
	}
	return report, ctx.Err()
}

// errNotTold is why it is unknown to a user who may do everything, or while there is an alarm.
var errNotTold = errors.New("etcd before 3.5 does not say")

// isAuthEnabled asks whether authentication is enabled. Some versions tell only root,
// and 3.4 tells nobody: that a user may not do something says it too.
func isAuthEnabled(ctx context.Context, client *clientv3.Client, user string) (bool, error) {
	status, err := client.AuthStatus(ctx)
	switch {
	case err == nil:
		return status.Enabled, nil
	case errors.Is(err, kine.ErrNoUsers):
		return false, nil
	}
	if grpcstatus.Code(err) == codes.Unimplemented {
		_, listErr := client.UserList(ctx)
		switch {
		case listErr != nil:
			err = listErr
		case user == "":
			return false, nil
		}
	}
	switch {
	case IsPermissionDenied(err) || IsAuthRequired(err):
		return true, nil
	case grpcstatus.Code(err) == codes.Unimplemented:
		return false, errNotTold
	default:
		return false, err
	}
}

// IsPermissionDenied reports whether etcd has answered that the user may not do
// something.
func IsPermissionDenied(err error) bool { return says(err, rpctypes.ErrPermissionDenied) }

// alarmOf returns the alarm because of which etcd has answered that it refuses something, or "".
func alarmOf(err error) string {
	switch {
	case err == nil:
		return ""
	case says(err, rpctypes.ErrCorrupt):
		return pb.AlarmType_CORRUPT.String()
	case says(err, rpctypes.ErrNoSpace):
		return pb.AlarmType_NOSPACE.String()
	default:
		return ""
	}
}

// IsAuthRequired reports whether etcd has answered that the client must log in.
func IsAuthRequired(err error) bool { return says(err, rpctypes.ErrUserEmpty) }

// IsBadCredentials reports whether etcd has answered that a login is not, or no
// longer, valid.
func IsBadCredentials(err error) bool {
	return says(err, rpctypes.ErrAuthFailed) || says(err, rpctypes.ErrInvalidAuthToken) || says(err, rpctypes.ErrAuthOldRevision)
}

// says reports whether err is an answer of etcd. The errors of a watch have no type,
// so their text counts too.
func says(err, answer error) bool {
	return errors.Is(err, answer) || strings.Contains(err.Error(), answer.Error())
}

// probe tries a permission without using it.
type probe struct {
	name  string
	needs string
	note  string // about an action that is allowed
	try   func(context.Context) error
}

func (p probe) action(r Report, refusal error) Action {
	alarm := alarmOf(refusal)
	switch {
	case alarm != "":
		return Action{Name: p.name, Reason: "refused, whatever the permissions: etcd has the alarm " + alarm}
	case errors.Is(refusal, kine.ErrNoLeases), errors.Is(refusal, kine.ErrTxn):
		return Action{Name: p.name, Reason: refusal.Error()}
	case refusal != nil && !IsPermissionDenied(refusal) && !IsAuthRequired(refusal):
		return Action{Name: p.name, Unknown: true, Reason: refusal.Error()}
	case refusal == nil && !r.Auth && r.AuthErr == nil:
		return Action{Name: p.name, Allowed: true, Reason: "authentication is disabled"}
	case refusal == nil:
		return Action{Name: p.name, Allowed: true, Reason: p.note}
	default:
		return Action{Name: p.name, Reason: "permission denied: needs to " + p.needs}
	}
}

func probes(client *clientv3.Client, prefix string) []probe {
	start, end := keyspace.PrefixRange(prefix)
	get := clientv3.OpGet(start, clientv3.WithRange(end))
	del := clientv3.OpDelete(start, clientv3.WithRange(end))
	return []probe{
		{
			name: "list locks", needs: "read all keys below the prefix",
			try: func(ctx context.Context) error { // not in a transaction, which a corrupt cluster refuses
				_, err := client.Get(ctx, start, clientv3.WithRange(end), clientv3.WithCountOnly(), clientv3.WithSerializable())
				return err
			},
		},
		{
			name: "watch locks", needs: "read all keys below the prefix",
			try: func(ctx context.Context) error { return watch(ctx, client, start, end) },
		},
		{
			name: "look up leases", needs: "log in",
			note: "the remaining TTL of any lease; its keys only if all of them may be read",
			try: func(ctx context.Context) error {
				_, err := client.TimeToLive(ctx, 1) // the lease need not exist
				return err
			},
		},
		{
			name: "take locks", needs: "read and write all keys below the prefix",
			try: func(ctx context.Context) error {
				if err := without(ctx, client, get, del); err != nil {
					return err
				}
				return spaceUsedUp(ctx, client)
			},
		},
		{
			name: "release locks", needs: "read and write all keys below the prefix",
			note: "by deleting requests; sessions only if all of their keys may be written",
			try: func(ctx context.Context) error {
				if err := without(ctx, client, get, del); !errors.Is(err, kine.ErrTxn) { // one key it deletes
					return err
				}
				return nil
			},
		},
	}
}

// MayRead returns nil if the user may read all keys that begin with prefix, and
// otherwise etcd's error. It reads nothing.
func MayRead(ctx context.Context, client *clientv3.Client, prefix string) error {
	start, end := keyspace.PrefixRange(prefix)
	return without(ctx, client, clientv3.OpGet(start, clientv3.WithRange(end)))
}

// without puts ops into the branch of a transaction that is never taken: etcd checks
// the permissions for both branches. The permission to delete is the one to put.
func without(ctx context.Context, client *clientv3.Client, ops ...clientv3.Op) error {
	_, err := client.Txn(ctx).Else(ops...).Commit()
	return err
}

// spaceUsedUp returns etcd's error for what needs space, if a member says that there is none.
// A transaction that puts would tell it too, and can raise the alarm.
func spaceUsedUp(ctx context.Context, client *clientv3.Client) error {
	status, err := pb.NewMaintenanceClient(client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err == nil && strings.Contains(strings.Join(status.Errors, "\n"), "alarm:"+pb.AlarmType_NOSPACE.String()) {
		return rpctypes.ErrNoSpace
	}
	return nil // not known: some versions tell only root
}

// watch opens a watch and ends it.
func watch(ctx context.Context, client *clientv3.Client, start, end string) error {
	watcher := clientv3.NewWatcher(client)
	defer backoff.Within(backoff.CloseWatch, func() { _ = watcher.Close() })
	resp, ok := <-watcher.Watch(ctx, start, clientv3.WithRange(end), clientv3.WithCreatedNotify())
	if !ok {
		return errors.Join(ctx.Err(), errors.New("access: etcd ended the watch"))
	}
	return resp.Err()
}
