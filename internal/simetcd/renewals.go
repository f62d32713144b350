package simetcd

import (
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// renewals is the server's end of a stream of renewals. It answers one after the other.
type renewals struct {
	*member
	send    func(*pb.LeaseKeepAliveResponse)
	fail    func(error)
	waiting []*pb.LeaseKeepAliveRequest
	busy    bool
	closed  bool
}

func (s *renewals) receive(r *pb.LeaseKeepAliveRequest) {
	s.waiting = append(s.waiting, r)
	s.serve()
}

// serve serves the first renewal that waits, unless one is being served.
func (s *renewals) serve() {
	if s.busy || s.closed || len(s.waiting) == 0 {
		return
	}
	r := s.waiting[0]
	s.waiting, s.busy = s.waiting[1:], true
	resp := &pb.LeaseKeepAliveResponse{ID: r.ID, Header: s.header(s.rev)}
	s.lead(true, func() {
		if time.Now().Before(s.down) {
			return
		}
		s.renew(r.ID, func(ttl int64) {
			if s.closed {
				return
			}
			resp.TTL = ttl
			s.send(resp)
			s.busy = false
			s.serve()
		})
	}, s.fail)
}
