package simetcd

import (
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// die is a choice that follows from the seed, who makes it and when.
type die struct{ state uint64 }

// diceOf returns the die for one choice.
func diceOf(seed uint64, kind string, of uint64, nth int) *die {
	h := seed*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
	for _, b := range []byte(kind) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return &die{mix(mix(mix(h^of)^uint64(time.Now().UnixNano())) ^ uint64(nth))}
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *die) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// upTo returns a duration from 1 ns to limit.
func (d *die) upTo(limit time.Duration) time.Duration {
	return 1 + time.Duration(d.next()%uint64(max(limit, 1)))
}

// oneIn is true once in n times.
func (d *die) oneIn(n uint64) bool { return d.next()%n == 0 }

// percent is true p times in a hundred.
func (d *die) percent(p int) bool { return int(d.next()%100) < p }

// subject is what a choice is about: what a message says of keys and leases. Choices of
// one instant about different things do not depend on their order, which goroutines that
// run at the same time do not have.
type subject uint64

// with adds a text to the subject.
func (s subject) with(text []byte) subject {
	h := uint64(s)
	for _, b := range text {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return subject(mix(h + 1))
}

// subjectOf returns what a message is about. Values are no part of it: they name the process.
func subjectOf(message any) subject {
	switch m := message.(type) {
	case *pb.RangeRequest:
		return subject(1).with(m.Key).with(m.RangeEnd)
	case *pb.PutRequest:
		return subject(2).with(m.Key)
	case *pb.DeleteRangeRequest:
		return subject(3).with(m.Key).with(m.RangeEnd)
	case *pb.TxnRequest:
		return subjectOfTxn(m)
	case *pb.LeaseGrantRequest:
		return subject(5)
	case *pb.LeaseKeepAliveRequest:
		return subject(6 + m.ID<<8)
	case *pb.LeaseKeepAliveResponse:
		return subject(7 + m.ID<<8)
	case *pb.WatchRequest:
		if c := m.GetCreateRequest(); c != nil {
			return subject(8).with(c.Key).with(c.RangeEnd)
		}
		return subject(9)
	case *pb.WatchResponse:
		s := subject(10)
		for _, e := range m.Events {
			s = s.with(e.Kv.Key)
		}
		return s
	default:
		return subject(11)
	}
}

func subjectOfTxn(r *pb.TxnRequest) subject {
	s := subject(4)
	for _, c := range r.Compare {
		s = s.with(c.Key)
	}
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		for _, op := range ops {
			switch o := op.Request.(type) {
			case *pb.RequestOp_RequestRange:
				s += subjectOf(o.RequestRange)
			case *pb.RequestOp_RequestPut:
				s += subjectOf(o.RequestPut)
			case *pb.RequestOp_RequestDeleteRange:
				s += subjectOf(o.RequestDeleteRange)
			case *pb.RequestOp_RequestTxn:
				s += subjectOf(o.RequestTxn)
			}
			s = subject(mix(uint64(s)))
		}
	}
	return s
}

// dice returns the die for a choice of the cluster.
func (c *Cluster) dice(kind string, of uint64) *die { return diceOf(c.opts.Seed, kind, of, len(c.log)) }
