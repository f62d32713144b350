package rwlock_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcdtest"
)

// aMajority is how long a change to the cluster may take that a majority of its members has
// to agree to.
const aMajority = time.Minute

// ofLeaders are the faults that hit whoever leads.
var ofLeaders = []string{leaderKilled, leaderPaused, leaderIsolated, unheard}

// hitMembers does one fault to the cluster.
func (s *soak) hitMembers(ctx context.Context, f fault) func() {
	member := s.cluster.Members[f.target]
	if slices.Contains(ofLeaders, f.kind) {
		if leader := s.cluster.Leader(ctx); leader != nil {
			member = leader
		}
	}
	switch f.kind {
	case upgraded:
		member.Upgrade(*soakUpgrade)
		return func() {}
	case leaderKilled:
		member.Kill()
		return member.Start
	case leaderPaused, memberPaused:
		return s.pause(member)
	case quorumPaused:
		return s.pause(member, s.cluster.Members[(f.target+1)%len(s.cluster.Members)])
	case replaced, promoted:
		s.replace(member, f.kind == promoted)
		return func() {}
	case memberJumps:
		s.jumpMember(ctx, member, f.jump())
		return func() { s.jumpMember(context.Background(), member, 0) }
	case clientsJump:
		jump(f.jump())
		return func() { jump(0) }
	case noSpace:
		return s.alarm(pb.AlarmType_NOSPACE)
	case corrupt:
		return s.alarm(pb.AlarmType_CORRUPT)
	default:
		member.Disturb(f.ofLinks())
		return member.Rejoin
	}
}

// ofLinks returns what is wrong with the links of a member.
func (f fault) ofLinks() cluster.Fault {
	switch f.kind {
	case slowLinks:
		return cluster.Fault{Delay: f.lasts / 20}
	case lossyLinks:
		return cluster.Fault{Lose: 10}
	case unheard:
		return cluster.Fault{Out: true}
	case deaf:
		return cluster.Fault{In: true}
	default:
		return cluster.Fault{Out: true, In: true}
	}
}

// pause stops members and returns what resumes them.
func (s *soak) pause(members ...*etcdtest.Process) (resume func()) {
	for _, m := range members {
		m.Pause()
	}
	return func() {
		s.tally.resumed.Store(int64(now()))
		for _, m := range members {
			m.Resume()
		}
	}
}

// replace has a member replaced, for which there is time after the faults too.
func (s *soak) replace(member *etcdtest.Process, learner bool) {
	ctx, cancel := context.WithTimeout(context.Background(), aMajority)
	defer cancel()
	if err := member.Replace(ctx, s.admin, learner); err != nil {
		s.tally.violation("the cluster: %v", err)
	}
}

// alarm raises an alarm, and returns what disarms it.
func (s *soak) alarm(alarm pb.AlarmType) (disarm func()) {
	s.untilDone("alarm "+alarm.String(), func(ctx context.Context) error {
		_, err := pb.NewMaintenanceClient(s.admin.ActiveConnection()).Alarm(ctx, &pb.AlarmRequest{
			Action: pb.AlarmRequest_ACTIVATE, Alarm: alarm, MemberID: 1,
		})
		return err
	})
	return func() {
		s.untilDone("no alarm", func(ctx context.Context) error {
			_, err := s.admin.AlarmDisarm(ctx, &clientv3.AlarmMember{MemberID: 1, Alarm: alarm})
			return err
		})
	}
}

// untilDone does something to the cluster that may have to wait for a leader.
func (s *soak) untilDone(what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), aMajority)
	defer cancel()
	for {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := do(short)
		cancel()
		if err == nil {
			return
		}
		if !wait(ctx, 20*time.Millisecond) {
			s.tally.violation("the cluster: %s: %v", what, err)
			return
		}
	}
}

// jump sets by how many seconds the clock of this process is off. It is nil unless the tests
// were built for that.
var jump func(seconds int64)

// clockOf is the file that says by how many seconds the clock of a member is off, which the
// member removes once it has read it.
func clockOf(dir string) string { return dir + ".clock" }

// jump is by how many seconds a clock jumps: up to a quarter of an hour, or days, ahead or back.
func (f fault) jump() int64 {
	seconds := int64(f.lasts/time.Millisecond)%900 + 1
	if f.lasts%3 == 0 {
		seconds *= 1000
	}
	if f.lasts%2 == 0 {
		seconds = -seconds
	}
	return seconds
}

// jumpMember sets the clock of a member, and waits until it is set.
func (s *soak) jumpMember(ctx context.Context, member *etcdtest.Process, seconds int64) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	file := clockOf(member.Dir())
	err := os.WriteFile(file+"~", []byte(strconv.FormatInt(seconds, 10)), 0o600)
	if err == nil {
		err = os.Rename(file+"~", file)
	}
	for ; err == nil && wait(ctx, 5*time.Millisecond); _, err = os.Stat(file) {
	}
	if !errors.Is(err, os.ErrNotExist) {
		s.tally.count("jumps: not made")
	}
}
