package gate

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
)

// began holds the result of a call: nil until it has returned.
type began struct{ err *error }

func begin(call func() error) *began {
	b := &began{}
	go func() {
		err := call()
		b.err = &err
	}()
	return b
}

// is checks, once all goroutines are blocked, that the call has returned want.
func (b *began) is(t *testing.T, want error) {
	t.Helper()
	synctest.Wait()
	switch {
	case b.err == nil:
		t.Errorf("it is held back, want %v", want)
	case !errors.Is(*b.err, want):
		t.Errorf("it returned %v, want %v", *b.err, want)
	}
}

func (b *began) isHeldBack(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if b.err != nil {
		t.Errorf("it returned %v", *b.err)
	}
}

func TestPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		begin(g.Pass).is(t, nil)
		g.Shut()
		one := begin(g.Pass)
		one.isHeldBack(t)
		g.Shut() // has no effect on waiting calls
		two := begin(g.Pass)
		two.isHeldBack(t)
		g.Open()
		g.Open()
		one.is(t, nil)
		two.is(t, nil)
		g.Shut()
		begin(func() error { g.Open(); return g.Pass() }).is(t, nil)
	})
}

func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		g.Shut()
		waits := begin(g.Pass)
		waits.isHeldBack(t)
		g.Crash()
		waits.is(t, ErrCrashed)
		g.Shut() // a crashed client cannot be paused
		begin(g.Pass).is(t, ErrCrashed)
		g.Open()
		begin(g.Pass).is(t, ErrCrashed)
		g.Crash()
		begin(g.Pass).is(t, ErrCrashed)
	})
}

// While the gate is shut no call is sent, even if its context ends, and no answer
// is received.
func TestUnary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, made, answer := New(), 0, make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		call := func() error {
			return g.unary(ctx, "/m", nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				made++
				return <-answer
			})
		}
		g.Shut()
		c := begin(call)
		cancel()
		c.isHeldBack(t)
		if made != 0 {
			t.Error("the call was made")
		}
		g.Open()
		synctest.Wait()
		if made != 1 {
			t.Errorf("%d calls were made", made)
		}
		g.Shut()
		answer <- io.ErrUnexpectedEOF
		c.isHeldBack(t)
		g.Open()
		c.is(t, io.ErrUnexpectedEOF)

		c = begin(call)
		synctest.Wait()
		g.Crash()
		answer <- nil
		c.is(t, ErrCrashed)
		begin(call).is(t, ErrCrashed)
		if made != 2 {
			t.Errorf("%d calls were made, one of them after the crash", made)
		}
	})
}

// wire is a stream that echoes what was sent.
type wire struct {
	grpc.ClientStream
	messages chan any
}

func (w wire) SendMsg(m any) error { w.messages <- m; return nil }

func (w wire) RecvMsg(any) error {
	if _, ok := <-w.messages; !ok {
		return io.EOF
	}
	return nil
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w, opened := New(), wire{messages: make(chan any, 9)}, 0
		var stream grpc.ClientStream
		open := func() (err error) {
			stream, err = g.stream(t.Context(), nil, nil, "/m", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				opened++
				return w, nil
			})
			return err
		}
		send := func() error { return stream.SendMsg("m") }
		receive := func() error { return stream.RecvMsg(nil) }

		g.Shut()
		o := begin(open)
		o.isHeldBack(t)
		if opened != 0 {
			t.Error("the stream was opened")
		}
		g.Open()
		o.is(t, nil)
		begin(send).is(t, nil)
		begin(receive).is(t, nil)

		hears := begin(receive)
		hears.isHeldBack(t) // there is nothing to receive
		g.Shut()
		s := begin(send)
		s.isHeldBack(t)
		if len(w.messages) != 0 {
			t.Error("it was sent")
		}
		w.messages <- "from the other end"
		hears.isHeldBack(t)
		g.Open()
		hears.is(t, nil)
		s.is(t, nil)

		g.Crash()
		begin(send).is(t, ErrCrashed)
		begin(receive).is(t, ErrCrashed)
		begin(open).is(t, ErrCrashed)
		if opened != 1 {
			t.Error("a stream was opened after the crash")
		}
	})
}

// Errors of a stream that cannot be opened, or ends, pass the gate unchanged.
func TestStreamErr(t *testing.T) {
	g := New()
	_, err := g.stream(t.Context(), nil, nil, "/m", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		return nil, io.ErrClosedPipe
	})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("opened with %v", err)
	}
	w := wire{messages: make(chan any)}
	close(w.messages)
	if err := (gatedStream{ClientStream: w, gate: g}).RecvMsg(nil); !errors.Is(err, io.EOF) {
		t.Errorf("received with %v", err)
	}
}
