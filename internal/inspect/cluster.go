package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcstatus "google.golang.org/grpc/status"

	"etcd-lock/internal/servers"
)

// Alarm is why etcd refuses writes.
type Alarm string

// The alarms, the worse one first.
const (
	AlarmCorrupt Alarm = "corrupt"  // members have different data: every write is refused, and leases do not end
	AlarmNoSpace Alarm = "no-space" // the quota is used up: what needs space is refused
)

// Cluster is what is known of etcd itself.
type Cluster struct {
	Alarms  []Alarm
	Servers []Server // those that have answered
	Proxied bool     // the API is served by something that is not an etcd server, as etcd's grpc-proxy
}

// Server is a member of the cluster.
type Server struct {
	ID      uint64
	Name    string // empty: not known
	Version string
}

// statusPatience bounds how long one member may take to say how it is.
const statusPatience = time.Second

// Cluster asks for the status of as many members as there are endpoints: the call for
// alarms is a write to etcd. Without permission, and through some proxies, it fails; then
// only Proxied is known.
func (s *Source) Cluster(ctx context.Context) (Cluster, error) {
	c := Cluster{Proxied: s.proxied(ctx)}
	endpoints := len(s.client.Endpoints())
	var failures int
	for range 2 * endpoints { // the client's balancer takes them in turn, and skips those that do not answer
		status, err := s.status(ctx)
		switch {
		case err != nil && len(c.Servers) == 0 && failures > 0, err != nil && endpoints == 1:
			return c, fmt.Errorf("inspect: status: %w", rpctypes.Error(err))
		case err != nil:
			failures++
			continue
		}
		c.add(status)
		if len(c.Servers) == endpoints {
			break
		}
	}
	s.nameOld(ctx, c.Servers)
	return c, nil
}

func (s *Source) status(ctx context.Context) (*pb.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	return pb.NewMaintenanceClient(s.client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
}

// add adds what a member says.
func (c *Cluster) add(status *pb.StatusResponse) {
	for _, a := range AlarmsOf(status.Errors) {
		if !slices.Contains(c.Alarms, a) {
			c.Alarms = append(c.Alarms, a)
		}
	}
	slices.SortFunc(c.Alarms, func(a, b Alarm) int { return cmp.Compare(a.rank(), b.rank()) })
	id := status.GetHeader().GetMemberId()
	if id == 0 { // no etcd, but kine, which names a version that it is like
		return
	}
	if !slices.ContainsFunc(c.Servers, func(s Server) bool { return s.ID == id }) {
		c.Servers = append(c.Servers, Server{ID: id, Version: status.Version})
	}
}

// proxied reports whether the endpoints are not etcd servers: these have had gRPC's
// health service since 3.3, and etcd's grpc-proxy has not.
func (s *Source) proxied(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	_, err := healthpb.NewHealthClient(s.client.ActiveConnection()).Check(ctx, &healthpb.HealthCheckRequest{})
	return grpcstatus.Code(err) == codes.Unimplemented
}

// nameOld finds out the names of servers, if one of them has a known fault. Through a
// proxy, and without permission, they are not known.
func (s *Source) nameOld(ctx context.Context, all []Server) {
	if !slices.ContainsFunc(all, func(s Server) bool { return len(servers.Faults(s.Version)) > 0 }) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	resp, err := s.client.MemberList(ctx)
	if err != nil {
		return
	}
	for _, m := range resp.Members {
		for i := range all {
			if all[i].ID == m.ID {
				all[i].Name = m.Name
			}
		}
	}
}

// rank orders alarms, the worse one first.
func (a Alarm) rank() int { return slices.Index([]Alarm{AlarmCorrupt, AlarmNoSpace}, a) }

// AlarmsOf returns the alarms among the errors of a member's status. These are texts, as
// etcd's alarms are printed.
func AlarmsOf(errors []string) []Alarm {
	var alarms []Alarm
	text := strings.Join(errors, "\n")
	if strings.Contains(text, "alarm:"+pb.AlarmType_CORRUPT.String()) {
		alarms = append(alarms, AlarmCorrupt)
	}
	if strings.Contains(text, "alarm:"+pb.AlarmType_NOSPACE.String()) {
		alarms = append(alarms, AlarmNoSpace)
	}
	return alarms
}
