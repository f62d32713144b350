package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func aShowDoc() showDoc {
	s := aSnapshot()
	return newShowDoc("/a", s.Revision, s.Locks[:1], map[int64]inspect.Lease{0x1f: {State: inspect.LeaseAlive, Granted: 10 * time.Second, Remaining: 8 * time.Second}}, time.Time{})
}

func TestShowOptions(t *testing.T) {
	var got *showOptions
	a := &app{globals: globals{output: output.JSON}}
	cmd := newShowCmd(a, func(_ context.Context, opts *showOptions) error {
		got = opts
		return nil
	})
	cmd.SetArgs([]string{"/a"})
	if err := cmd.Execute(); err != nil || got.name != "/a" || got.out.Format != output.JSON {
		t.Errorf("show /a: %+v, %v", got, err)
	}
}

func TestShowJSON(t *testing.T) {
	var b bytes.Buffer
	if err := (output.Printer{Writer: &b}).Document(aShowDoc()); err != nil {
		t.Fatal(err)
	}
	want := `{
  "name": "/a",
  "revision": 9,
  "locks": [
    {
      "layout": "rwlock",
      "state": "contended",
      "others": [],
      "waiters": 1,
      "queue": [
        {
          "position": 1,
          "mode": "read",
          "state": "holding",
          "key": "/a/read/1",
          "lease": "000000000000001f",
          "revision": 2,
          "owner": {
            "host": "h",
            "pid": 7,
            "program": "p",
            "label": "l"
          },
          "since": "2026-01-02T11:59:00Z",
          "since_bound": "at_most",
          "ttl_seconds": 8,
          "blocked_by": {
            "count": 0
          }
        },
        {
          "position": 2,
          "mode": "read",
          "state": "holding",
          "key": "/a/read/2",
          "lease": "000000000000002f",
          "revision": 3,
          "blocked_by": {
            "count": 0
          }
        },
        {
          "position": 3,
          "mode": "write",
          "state": "waiting",
          "key": "/a/write/3",
          "revision": 4,
          "since": "2026-01-02T11:59:58.5Z",
          "blocked_by": {
            "count": 2,
            "last": 2
          }
        }
      ]
    }
  ]
}
`
	if b.String() != want {
		t.Errorf("JSON\n%s\nwant\n%s", b.String(), want)
	}
}

func TestShowTable(t *testing.T) {
	var b bytes.Buffer
	if err := aShowDoc().write(output.Printer{Writer: &b, Terminal: true}, noon); err != nil {
		t.Fatal(err)
	}
	want := `/a  rwlock, contended, at revision 9
#  MODE   STATE      AGE  OWNER     LEASE             TTL  REVISION  BLOCKED BY  KEY
1  read   ● holding  ≤1m  l p[7]@h  000000000000001f  8s   2         -           /a/read/1
2  read   ● holding  -    -         000000000000002f  -    3         -           /a/read/2
3  write  ○ waiting  1s   -         -                 -    4         1-2         /a/write/3
`
	if b.String() != want {
		t.Errorf("table\n%s\nwant\n%s", b.String(), want)
	}
}

func TestOwnerText(t *testing.T) {
	for want, o := range map[string]keyspace.Owner{
		"-":        {},
		"l p[7]@h": {Host: "h", PID: 7, Program: "p", Label: "l"},
		"p":        {Program: "p"},
		"@h":       {Host: "h"},
	} {
		if got := docs.Owner(o); got != want {
			t.Errorf("docs.Owner(%+v) = %q, want %q", o, got, want)
		}
	}
}

func TestBlockers(t *testing.T) {
	for want, b := range map[string]docs.Blockers{
		"": {}, "1": {Count: 1, Last: 1}, "1-3": {Count: 3, Last: 3}, "2 up to 7": {Count: 2, Last: 7},
		"1 other key": {Others: 1}, "1-2, 3 other keys": {Count: 2, Last: 2, Others: 3},
	} {
		if got := b.String(); got != want {
			t.Errorf("%+v = %q, want %q", b, got, want)
		}
	}
}

// A lease that is overdue or missing is shown as that, also in JSON.
func TestShowLeaseInTrouble(t *testing.T) {
	s := aSnapshot()
	doc := newShowDoc("/a", s.Revision, s.Locks[:1], map[int64]inspect.Lease{
		0x1f: {State: inspect.LeaseOverdue, Granted: 5 * time.Second, Remaining: -32 * time.Second}, 0x2f: {State: inspect.LeaseMissing},
	}, time.Time{})
	var queue []docs.QueuedRequest
	for r := range doc.Locks[0].Queue {
		queue = append(queue, *r)
	}
	if queue[0].LeaseState != "overdue" || *queue[0].TTL != -32 || queue[1].LeaseState != "missing" || queue[1].TTL != nil || queue[2].LeaseState != "" {
		t.Errorf("%+v", queue)
	}
	var b bytes.Buffer
	if err := doc.write(output.Printer{Writer: &b, Terminal: true}, noon); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"over for 32s", "no such lease"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}

	doc = newShowDoc("/a", s.Revision, s.Locks[:1], map[int64]inspect.Lease{
		0x1f: {State: inspect.LeaseUnattached}, 0x2f: {State: inspect.LeaseAlive, Remaining: time.Second, Lacks: []string{"/a/read/2"}},
	}, time.Time{})
	for r := range doc.Locks[0].Queue {
		if want := r.Position < 3; (r.LeaseState == "unattached") != want || r.TTL != nil {
			t.Errorf("%+v", r)
		}
	}
	b.Reset()
	if err := doc.write(output.Printer{Writer: &b, Terminal: true}, noon); err != nil || strings.Count(b.String(), "not attached") != 2 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// silentClient is a client of an etcd that does not say how far a watch has got, such as
// one behind etcd's grpc-proxy.
func silentClient(t *testing.T, endpoint string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainStreamInterceptor(
			func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				s, err := open(ctx, desc, cc, method, opts...)
				return silentStream{s}, err
			})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// silentStream leaves out the progress of watches.
type silentStream struct{ grpc.ClientStream }

// RecvMsg implements grpc.ClientStream.
func (s silentStream) RecvMsg(m any) error {
	for {
		err := s.ClientStream.RecvMsg(m)
		resp, ok := m.(*pb.WatchResponse)
		if err != nil || !ok || len(resp.Events) > 0 || resp.Created || resp.Canceled {
			return err
		}
	}
}

// Where etcd does not say how far a watch has got, a history ends with a line that says
// that changes may be missing.
func TestShowHistoryUnknown(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	if _, err := client.Put(t.Context(), "/a/write/1", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Delete(t.Context(), "/a/write/1"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), "/else", ""); err != nil { // so that no event is the last one
		t.Fatal(err)
	}
	const end = "unknown\tthis etcd (a server before 3.4.25 or 3.5.8, a proxy, or kine) does not say when it has sent everything: other requests may have come and gone until revision 4"
	for _, tt := range []struct {
		silent bool
		format output.Format
		last   string
	}{
		{true, output.Text, end},
		{true, output.JSON, `{"event":"unknown","end":4}`},
		{false, output.Text, "3\treleased\tholding\t-\twrite\t/a\tkey /a/write/1\t/a/write/1"},
	} {
		var out bytes.Buffer
		opts := &showOptions{name: "/a", history: true, since: 1, out: output.Printer{Writer: &out, Format: tt.format}, err: &out, now: time.Now}
		opts.connect = func(ctx context.Context) (*connect.Conn, error) {
			g := globals{connection: connect.Options{
				Etcd:    etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second},
				Timeout: 20 * time.Second,
			}}
			c, err := g.connect(ctx)
			if err == nil && tt.silent {
				_ = c.Client.Close()
				c.Client = silentClient(t, endpoint)
				c.Source = inspect.NewSource(c.Client)
			}
			return c, err
		}
		if err := showRun(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if last := lines[len(lines)-1]; !strings.HasSuffix(last, tt.last) {
			t.Errorf("silent: %t, last line %q, want %q", tt.silent, last, tt.last)
		}
	}
}
