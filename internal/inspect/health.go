package inspect

import "errors"

// ErrBehind says that etcd answers reads but has not told the watch what they
// show.
var ErrBehind = errors.New("inspect: the watch is behind etcd")

// health says whether what the watch shows can be trusted. Reads alone cannot
// tell: a member may hang with the watch while others answer. So a probe reads
// the current revision and asks the watch to tell its progress, and until the
// next probe the watch must have told everything up to there.
type health struct {
	err      error
	target   int64 // the watch has yet to get there; 0 when a probe is to say
	progress bool  // etcd tells the watch its progress; not every proxy does
}

// failed notes that etcd did not answer. It takes a new probe and the watch
// having got there to make that good.
func (h *health) failed(err error) { h.err, h.target = err, 0 }

// answered notes that a probe read revision, and applied is how far the watch
// is.
func (h *health) answered(revision, applied int64) {
	switch {
	case !h.progress:
		h.err = nil
	case applied >= h.target:
		h.target = revision
	case h.err == nil:
		h.err = ErrBehind
	}
	h.reached(applied)
}

// reached notes how far the watch is.
func (h *health) reached(applied int64) {
	if h.target > 0 && applied >= h.target {
		h.err = nil
	}
}
