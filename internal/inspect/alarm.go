package inspect

import (
	"context"
	"fmt"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Alarm is why etcd refuses writes.
type Alarm string

// The alarms, the worse one first.
const (
	AlarmCorrupt Alarm = "corrupt"  // members have different data: every write is refused, and leases do not end
	AlarmNoSpace Alarm = "no-space" // the quota is used up: what needs space is refused
)

// Alarms returns the alarms that a member knows. It asks for the member's status, because
// the call for alarms is a write to etcd. Without permission, and through some proxies, it
// fails.
func (s *Source) Alarms(ctx context.Context) ([]Alarm, error) {
	status, err := pb.NewMaintenanceClient(s.client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return nil, fmt.Errorf("inspect: alarms: %w", err)
	}
	return AlarmsOf(status.Errors), nil
}

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
