package release_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/release"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// cluster is an etcd with requests in it.
type cluster struct {
	*testing.T
	client *clientv3.Client
	*release.Releaser
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	client := etcdtest.Client(t, etcdtest.Shared(t))
	conn := &connect.Conn{Client: client, Source: inspect.NewSource(client), Timeout: 20 * time.Second}
	return &cluster{T: t, client: client, Releaser: release.New(conn)}
}

// lease grants one of a minute.
func (c *cluster) lease() clientv3.LeaseID {
	c.Helper()
	resp, err := c.client.Grant(c.Context(), 60)
	if err != nil {
		c.Fatal(err)
	}
	return resp.ID
}

// put writes keys in order.
func (c *cluster) put(lease clientv3.LeaseID, keys ...string) {
	c.Helper()
	for _, k := range keys {
		if _, err := c.client.Put(c.Context(), k, "", clientv3.WithLease(lease)); err != nil {
			c.Fatal(err)
		}
	}
}

func (c *cluster) exists(key string) bool {
	c.Helper()
	resp, err := c.client.Get(c.Context(), key, clientv3.WithCountOnly())
	if err != nil {
		c.Fatal(err)
	}
	return resp.Count == 1
}

func (c *cluster) planRequest(key string) release.Plan {
	c.Helper()
	plan, err := c.PlanRequest(c.Context(), key)
	if err != nil {
		c.Fatal(err)
	}
	return plan
}

func (c *cluster) planSession(lease clientv3.LeaseID) release.Plan {
	c.Helper()
	plan, err := c.PlanSession(c.Context(), int64(lease))
	if err != nil {
		c.Fatal(err)
	}
	return plan
}

// apply applies a plan, and discards the record of that.
func (c *cluster) apply(plan release.Plan) (int64, error) {
	return c.Apply(c.Context(), plan, release.Audit{Log: io.Discard, Now: time.Now})
}

func keys(requests []inspect.Request) string {
	var all []string
	for _, r := range requests {
		all = append(all, r.Key)
	}
	return strings.Join(all, " ")
}

// A request that goes lets the next ones in, and nothing else goes with it.
func TestRequest(t *testing.T) {
	c := newCluster(t)
	lease := c.lease()
	c.put(lease, "/q/write/1", "/q/read/2", "/q/read/3", "/q/write/4", "/q/nested/write/5")
	plan := c.planRequest("/q/write/1")
	if keys(plan.Gone) != "/q/write/1" || keys(plan.Granted) != "/q/read/2 /q/read/3" || plan.Lease != 0 {
		t.Fatalf("plan: gone %s, granted %s, lease %x", keys(plan.Gone), keys(plan.Granted), plan.Lease)
	}
	revision, err := c.apply(plan)
	if err != nil || revision <= plan.Revision {
		t.Fatalf("Apply = %d, %v; planned at %d", revision, err, plan.Revision)
	}
	if c.exists("/q/write/1") || !c.exists("/q/read/2") || !c.exists("/q/nested/write/5") {
		t.Error("the wrong keys are gone")
	}
	if _, err := c.apply(plan); !errors.Is(err, release.ErrChanged) || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("Apply again = %v", err)
	}
}

// Whatever happens to a request between the look and the deed, the deed is
// refused.
func TestRequestErrChanged(t *testing.T) {
	tests := []struct {
		name, key, want string
		change          func(*cluster, string)
	}{
		{"HolderIsAnother", "%s/write/1", "was replaced by a new request", func(c *cluster, name string) {
			_, err := c.client.Delete(c.Context(), name+"/write/1")
			if err != nil {
				c.Fatal(err)
			}
			c.put(c.lease(), name+"/write/1")
		}},
		{"HolderWasWrittenAgain", "%s/write/1", "was modified", func(c *cluster, name string) {
			c.put(c.lease(), name+"/write/1")
		}},
		{"WaiterMayHold", "%s/write/2", "which it was waiting for, is gone", func(c *cluster, name string) {
			if _, err := c.client.Delete(c.Context(), name+"/write/1"); err != nil {
				c.Fatal(err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			name := "/changed/" + tt.name
			key := fmt.Sprintf(tt.key, name)
			c.put(c.lease(), name+"/write/1", name+"/write/2")
			plan := c.planRequest(key)
			tt.change(c, name)
			if _, err := c.apply(plan); !errors.Is(err, release.ErrChanged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply = %v, want %q", err, tt.want)
			}
			if !c.exists(key) {
				t.Error("the key is gone")
			}
		})
	}
}

func TestRequestErrors(t *testing.T) {
	c := newCluster(t)
	c.put(c.lease(), "/config")
	for key, want := range map[string]error{"/config": release.ErrNoRequest, "/none/write/1": release.ErrGone} {
		if _, err := c.PlanRequest(t.Context(), key); !errors.Is(err, want) {
			t.Errorf("Request(%s) = %v, want %v", key, err, want)
		}
	}
}

// A key by which nobody holds a lock goes without a wait that would end; its lease stays,
// which may have other keys.
func TestRequestKept(t *testing.T) {
	c := newCluster(t)
	key := "shedlock:test:" + t.Name()
	first, second := c.lease(), c.lease()
	for _, lease := range []clientv3.LeaseID{first, second} {
		if _, err := c.client.Put(t.Context(), key, "ADDED:2026-08-22T09:15:00.123Z@host-a", clientv3.WithLease(lease)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.PlanSession(t.Context(), int64(second)); !errors.Is(err, release.ErrShared) {
		t.Errorf("PlanSession = %v, want %v", err, release.ErrShared)
	}
	plan := c.planRequest(key)
	if got := keys(plan.Gone); got != key || plan.Gone[0].Standing() != "kept" || len(plan.Granted) != 0 {
		t.Errorf("plan %+v", plan)
	}
	if _, err := c.apply(plan); err != nil || c.exists(key) {
		t.Errorf("Apply = %v; the key exists: %t", err, c.exists(key))
	}
}

// A session goes with all of its keys, on whatever names, and its lease.
func TestSession(t *testing.T) {
	c := newCluster(t)
	lease, other := c.lease(), c.lease()
	mutex := fmt.Sprintf("/s/c/%x", lease)
	c.put(lease, "/s/a/write/1", mutex, "/s/config")
	c.put(other, "/s/a/write/2", "/s/b/write/3")
	c.put(lease, "/s/b/write/4")
	plan := c.planSession(lease)
	if keys(plan.Gone) != "/s/a/write/1 /s/b/write/4 "+mutex || keys(plan.Others) != "/s/config" ||
		keys(plan.Granted) != "/s/a/write/2" {
		t.Fatalf("plan: gone %s, others %s, granted %s", keys(plan.Gone), keys(plan.Others), keys(plan.Granted))
	}
	if _, err := c.apply(plan); err != nil {
		t.Fatal(err)
	}
	if c.exists("/s/a/write/1") || c.exists(mutex) || c.exists("/s/config") || !c.exists("/s/b/write/3") {
		t.Error("the wrong keys are gone")
	}
	if _, err := c.PlanSession(t.Context(), int64(lease)); !errors.Is(err, release.ErrGone) {
		t.Errorf("plan for a session that is gone: %v", err)
	}
}

func TestSessionWithoutKeys(t *testing.T) {
	c := newCluster(t)
	plan := c.planSession(c.lease())
	if plan.Revision == 0 {
		t.Error("it is not known of which revision that is")
	}
	if _, err := c.apply(plan); err != nil {
		t.Error(err)
	}
}

// A session that has made requests since it was looked at keeps those.
func TestSessionErrStillUsed(t *testing.T) {
	c := newCluster(t)
	lease := c.lease()
	c.put(lease, "/u/a/write/1")
	plan := c.planSession(lease)
	c.put(lease, "/u/b/write/2")
	if _, err := c.apply(plan); !errors.Is(err, release.ErrStillUsed) || !strings.Contains(err.Error(), "/u/b/write/2") {
		t.Errorf("Apply = %v", err)
	}
	if c.exists("/u/a/write/1") || !c.exists("/u/b/write/2") {
		t.Error("the wrong keys are gone")
	}
}

// Keys count once, and are called what they are, whatever of their locks the user may read.
func TestOthersThatAreReadInPart(t *testing.T) {
	t.Parallel()
	server := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, server.Client(""), map[string][]etcdtest.Grant{
		"whole": {etcdtest.ReadWrite("/v/")}, "below": {etcdtest.ReadWrite("/v/write/")}, "key": {etcdtest.ReadWrite("/service/demo/leader")},
	})
	as := func(user string) *cluster {
		client := server.Client(user)
		conn := &connect.Conn{Client: client, Source: inspect.NewSource(client), Timeout: 20 * time.Second}
		return &cluster{T: t, client: client, Releaser: release.New(conn)}
	}
	root := as("root")
	lease, other := root.lease(), root.lease()
	const cut = "/v/write/first"
	mutex := fmt.Sprintf("/v/write/%x", other)
	root.put(lease, cut)
	root.put(other, mutex)
	for _, tt := range []struct{ user, gone, others, what string }{
		{"root", cut, "", ""},
		{"whole", cut, "", ""},
		{"below", "", cut, "a request for /v, of which only a part was read"},
	} {
		for how, plan := range map[string]release.Plan{"key": as(tt.user).planRequest(cut), "lease": as(tt.user).planSession(lease)} {
			if keys(plan.Gone) != tt.gone || keys(plan.Others) != tt.others || tt.what != "" && plan.Others[0].AsOther() != tt.what {
				t.Errorf("%s, by its %s: gone %q, others %+v", tt.user, how, keys(plan.Gone), plan.Others)
			}
			record := release.NewRecord(plan, time.Now())
			if strings.Join(record.Others, " ") != tt.others || strings.Join(record.Partial, " ") != tt.others {
				t.Errorf("%s, by its %s: recorded %q, %q", tt.user, how, record.Others, record.Partial)
			}
		}
	}
	root.put(root.lease(), "/service/demo/leader")
	if plan, err := as("key").PlanRequest(t.Context(), "/service/demo/leader"); err == nil {
		t.Errorf("a key that may be of software that alone may release it: %+v", plan)
	}
	alone := root.lease()
	root.put(alone, "/v/write/x/write/7", "/v/write/last")
	if _, err := root.client.Delete(t.Context(), mutex); err != nil {
		t.Fatal(err)
	}
	plan := as("below").planSession(alone) // in the way of nothing that the user may read
	if keys(plan.Others) != "/v/write/last" || !plan.Others[0].Cut || keys(plan.Gone) != "/v/write/x/write/7" {
		t.Errorf("gone %s, others %+v", keys(plan.Gone), plan.Others)
	}
	for _, c := range []*cluster{as("whole"), as("below")} { // each removes what it planned
		request := c.planRequest(cut)
		if _, err := c.apply(request); err != nil || root.exists(cut) {
			t.Errorf("Apply = %v", err)
		}
		root.put(root.lease(), mutex, cut)
	}
}

func TestRecord(t *testing.T) {
	c := newCluster(t)
	c.put(c.lease(), "/r\x1b/write/1", "/r\x1b/write/2")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	record := release.NewRecord(c.planRequest("/r\x1b/write/2"), at)
	record.Error = "refused"
	var b bytes.Buffer
	if err := record.Write(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() == 0 || strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "\x1b") {
		t.Errorf("line %q", b.String())
	}
	var got release.Record
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.User == "" || !got.Time.Equal(at) || got.Error != "refused" || len(got.Released) != 1 ||
		got.Released[0].Key != "/r\x1b/write/2" || got.Released[0].State != "waiting" {
		t.Errorf("record %+v", got)
	}
	if err := record.Write(failing{}); err == nil {
		t.Error("a log that cannot be written is no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, context.DeadlineExceeded }

// behind returns a cluster whose client reaches etcd through a middleman.
func behind(t *testing.T) (*cluster, *etcdtest.Middleman) {
	t.Helper()
	middleman := etcdtest.NewMiddleman(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, middleman.Addr)
	conn := &connect.Conn{Client: client, Source: inspect.NewSource(client), Timeout: 20 * time.Second}
	return &cluster{T: t, client: client, Releaser: release.New(conn)}, middleman
}

// A release whose reply is lost is done, and not refused because of what it has
// changed itself. It returns the revision at which the requests were removed.
func TestLostReply(t *testing.T) {
	losses := map[string]etcdtest.Loss{"reset": {Reset: true}}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		losses[code.String()] = etcdtest.Loss{Code: code}
	}
	for what, loss := range losses {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c, middleman := behind(t)
			const calls = 3 // the transaction, reading the lease, revoking it
			for first := range calls {
				c.applyWithLosses(middleman, loss, first, first+1)
				c.applyWithLosses(middleman, loss, first, first+2)
			}
		})
	}
}

// applyWithLosses ends a session while the replies to the calls from first to
// before end are lost.
func (c *cluster) applyWithLosses(middleman *etcdtest.Middleman, loss etcdtest.Loss, first, end int) {
	c.Helper()
	lease, a, b := c.lease(), "/"+c.Name()+"/a/write/1", "/"+c.Name()+"/b/read/2"
	c.put(lease, a, b)
	plan := c.planSession(lease)
	middleman.Lose(func(call int, _ string) etcdtest.Loss {
		if call < first || call >= end {
			return etcdtest.Loss{}
		}
		return loss
	})
	revision, err := c.Apply(c.Context(), plan, release.Audit{Log: io.Discard, Now: time.Now})
	middleman.Lose(nil)
	if err != nil || c.exists(a) || c.exists(b) {
		c.Fatalf("Apply with the replies to calls %d to %d lost = %v", first, end-1, err)
	}
	if got, err := c.client.Get(c.Context(), a, clientv3.WithRev(revision-1)); err != nil || got.Count != 1 {
		c.Errorf("%d requests before revision %d, %v; want it to be when they were removed", got.Count, revision, err)
	}
	if got, err := c.client.TimeToLive(c.Context(), lease); err != nil || got.TTL >= 0 {
		c.Errorf("the lease has %d s to live, %v; want it revoked", got.TTL, err)
	}
}

// overdue says of every lease that it has been over for 32 s.
type overdue struct{ clientv3.Lease }

func (o overdue) TimeToLive(ctx context.Context, id clientv3.LeaseID, opts ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	resp, err := o.Lease.TimeToLive(ctx, id, opts...)
	if err == nil && resp.TTL >= 0 {
		resp.TTL = -32
	}
	return resp, err
}

// A session whose lease has expired is there, and can be ended, until etcd has
// revoked it.
func TestReleaseOverdue(t *testing.T) {
	c := newCluster(t)
	lease, key := c.lease(), "/overdue/write/1"
	c.put(lease, key)
	c.client.Lease = overdue{c.client.Lease}
	if _, err := c.Apply(t.Context(), c.planSession(lease), release.Audit{Log: io.Discard, Now: time.Now}); err != nil || c.exists(key) {
		t.Errorf("Apply = %v, the key is there: %t", err, c.exists(key))
	}
}

// While no reply arrives, it is not known whether a release was done. What another
// client has done since is not taken for it.
func TestErrUnsure(t *testing.T) {
	c, middleman := behind(t)
	const key = "/unsure/write/1"
	lose := func(from int) {
		middleman.Lose(func(call int, _ string) etcdtest.Loss {
			if call >= from {
				return etcdtest.Loss{}
			}
			return etcdtest.Loss{Code: codes.Aborted}
		})
	}
	apply := func(plan release.Plan) error {
		_, err := c.Apply(t.Context(), plan, release.Audit{Log: io.Discard, Now: time.Now})
		middleman.Lose(nil)
		return err
	}
	c.put(c.lease(), key)
	plan := c.planRequest(key)
	lose(100)
	if err := apply(plan); !errors.Is(err, release.ErrUnsure) {
		t.Errorf("Apply = %v, want ErrUnsure", err)
	}
	c.put(c.lease(), key)
	plan = c.planRequest(key)
	c.put(c.lease(), key) // modified since
	lose(1)
	if err := apply(plan); !errors.Is(err, release.ErrChanged) || !c.exists(key) {
		t.Errorf("Apply = %v, want ErrChanged", err)
	}
}

// unattached lists no keys of a lease, as when etcd had lost it and it was granted again.
type unattached struct{ clientv3.Lease }

func (u unattached) TimeToLive(ctx context.Context, id clientv3.LeaseID, opts ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	resp, err := u.Lease.TimeToLive(ctx, id, opts...)
	if err == nil {
		resp.Keys = nil
	}
	return resp, err
}

// The session of a request is ended only if that removes the request.
func TestPlanSessionOf(t *testing.T) {
	c := newCluster(t)
	lease, key := c.lease(), "/session-of/write/1"
	c.put(lease, key)
	of := func(lease clientv3.LeaseID) error {
		_, err := c.PlanSessionOf(t.Context(), inspect.Request{Key: key, Lease: int64(lease)})
		return err
	}
	if err := of(lease); err != nil {
		t.Errorf("attached: %v", err)
	}
	if err := of(0); !errors.Is(err, release.ErrNoSession) {
		t.Errorf("without a lease: %v", err)
	}
	if err := of(1); !errors.Is(err, release.ErrNoSession) {
		t.Errorf("on a lease that etcd does not have: %v", err)
	}
	c.client.Lease = unattached{c.client.Lease}
	if err := of(lease); !errors.Is(err, release.ErrNoSession) {
		t.Errorf("not attached: %v", err)
	}
}
