package otelrwlock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"etcd-lock/rwlock"
	"etcd-lock/rwlock/otelrwlock"
	"etcd-lock/rwlock/rwlocktest"
)

// fixture is a session on an etcd in memory, and spans.
type fixture struct {
	*testing.T
	session  *rwlock.Session
	provider *trace.TracerProvider
	spans    *tracetest.SpanRecorder
}

func run(t *testing.T, test func(fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := rwlock.NewSession(t.Context(), rwlocktest.New().Client(t), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		spans := tracetest.NewSpanRecorder()
		test(fixture{t, s, trace.NewTracerProvider(trace.WithSpanProcessor(spans)), spans})
	})
}

func (f fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// ended returns the only span of a name that has ended, of those for a lock.
func (f fixture) ended(name, lock string) trace.ReadOnlySpan {
	f.Helper()
	var found trace.ReadOnlySpan
	for _, s := range f.spans.Ended() {
		for _, a := range s.Attributes() {
			if s.Name() == name && a.Key == "rwlock.name" && a.Value.AsString() == lock {
				if found != nil {
					f.Errorf("several spans %s of %s", name, lock)
				}
				found = s
			}
		}
	}
	if found == nil {
		f.Fatalf("no span %s of %s", name, lock)
	}
	return found
}

// A slow request leads to the one that it waited for.
func TestSpans(t *testing.T) {
	run(t, func(f fixture) {
		t := f.T
		option := otelrwlock.WithTracing(f.provider)
		ctx, job := f.provider.Tracer("test").Start(t.Context(), "job")
		holder := f.session.NewRWMutex("/a", option)
		f.must(holder.RWLock(ctx))
		waiterCtx, other := f.provider.Tracer("test").Start(context.Background(), "other job")
		waiter := f.session.NewRWMutex("/a", option)
		done := make(chan error)
		go func() { done <- waiter.RLock(waiterCtx) }()
		time.Sleep(time.Minute)
		f.must(holder.Unlock())
		f.must(<-done)
		request, held := f.ended("rwlock.request", "/a"), f.ended("rwlock.held", "/a")
		if request.Parent().SpanID() != job.SpanContext().SpanID() || held.Parent().SpanID() != request.SpanContext().SpanID() {
			t.Error("spans are not below that of the caller")
		}
		queued := f.ended("rwlock.queued", "/a")
		if queued.SpanContext().TraceID() != other.SpanContext().TraceID() {
			t.Error("the waiter has another trace")
		}
		if took := queued.EndTime().Sub(queued.StartTime()); took != time.Minute {
			t.Errorf("it waited for %s, want a minute", took)
		}
		if len(queued.Links()) != 1 || queued.Links()[0].SpanContext.SpanID() != request.SpanContext().SpanID() {
			t.Errorf("links of who waited: %+v, want to span %s", queued.Links(), request.SpanContext().SpanID())
		}
		f.must(waiter.Unlock())
		f.must(f.session.NewRWMutex("/none", otelrwlock.WithTracing(nil)).RWLock(ctx))
	})
}

func TestErrors(t *testing.T) {
	run(t, func(f fixture) {
		t := f.T
		option := otelrwlock.WithTracing(f.provider)
		lost := f.session.NewRWMutex("/lost", option)
		f.must(lost.RLock(t.Context()))
		time.Sleep(3 * time.Second) // until the hold watches its key
		_, err := f.session.Client().Delete(t.Context(), lost.Key())
		f.must(err)
		synctest.Wait()
		if held := f.ended("rwlock.held", "/lost"); held.Status().Code != codes.Error {
			t.Errorf("status of a hold that was lost: %+v", held.Status())
		}
		if err := lost.Unlock(); !errors.Is(err, rwlock.ErrLost) {
			t.Fatal(err)
		}
		if r := f.ended("rwlock.request", "/lost"); r.Status().Code != codes.Error {
			t.Errorf("status of a request whose lock was lost: %+v", r.Status())
		}
		f.must(f.session.NewRWMutex("/taken").RWLock(t.Context()))
		if err := f.session.NewRWMutex("/taken", option).TryRLock(t.Context()); !errors.Is(err, rwlock.ErrLocked) {
			t.Fatal(err)
		}
		if r := f.ended("rwlock.request", "/taken"); r.Status().Code != codes.Unset || len(r.Events()) != 1 {
			t.Errorf("status of a try that was refused: %+v", r.Status())
		}
	})
}

// A span of permits says how many they are.
func TestSpansOfPermits(t *testing.T) {
	run(t, func(f fixture) {
		pool := f.session.NewSemaphore("/pool", 3, otelrwlock.WithTracing(f.provider))
		f.must(pool.Do(f.Context(), 2, func(context.Context) error { return nil }))
		got := map[attribute.Key]int64{}
		for _, a := range f.ended("rwlock.held", "/pool").Attributes() {
			got[a.Key] = a.Value.AsInt64()
		}
		if got["rwlock.weight"] != 2 || got["rwlock.permits"] != 3 {
			f.Errorf("attributes %v, want 2 of 3 permits", got)
		}
	})
}
