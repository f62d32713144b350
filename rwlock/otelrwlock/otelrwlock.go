// Package otelrwlock traces requests of package rwlock with OpenTelemetry.
//
//	m := session.NewRWMutex("/jobs/nightly", otelrwlock.WithTracing(otel.GetTracerProvider()))
//
// Each request is a span "rwlock.request" below that of the context it was made with, from
// when it is sent until Unlock. Below it are the spans "rwlock.queued", while it waits for
// others, and "rwlock.held".
//
// Its traceparent is stored with its key in etcd, where `etcd-lock why` and
// `etcd-lock show -o json` print it. The span "rwlock.queued" links to the spans of the requests ahead, as far as they
// are known and traced: so a trace leads from a slow request to those that it waited for, in
// other processes too.
//
// Attributes: rwlock.name and rwlock.mode, or rwlock.locks of a Set; rwlock.weight and
// rwlock.permits of a semaphore; rwlock.token;
// rwlock.position of who is queued. Spans of requests that failed, and of locks that were lost,
// have the status error; a Try that was refused, and a wait that the caller ended, do not.
package otelrwlock

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"etcd-lock/rwlock"
)

// scope is the name of the tracer.
const scope = "etcd-lock/rwlock"

// WithTracing returns an option that makes spans of requests with a tracer of the provider, and
// none if that is nil.
func WithTracing(provider trace.TracerProvider) rwlock.Option {
	if provider == nil {
		return rwlock.WithTracer(nil)
	}
	tracer := provider.Tracer(scope)
	return rwlock.WithTracer(func(ctx context.Context, e rwlock.Event) (string, func(rwlock.Event)) {
		r := &request{tracer: tracer, attrs: attributes(e.Locks)}
		r.ctx, r.span = tracer.Start(context.WithoutCancel(ctx), "rwlock.request",
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(r.attrs...))
		return traceparent(r.ctx), r.trace
	})
}

// request is a request that is traced.
type request struct {
	tracer trace.Tracer
	attrs  []attribute.KeyValue
	ctx    context.Context
	span   trace.Span

	mu   sync.Mutex // a loss may be reported beside Unlock
	part trace.Span // what the request is at: queued or held; nil if neither
}

func (r *request) trace(e rwlock.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Token != 0 {
		r.span.SetAttributes(attribute.Int64("rwlock.token", e.Token))
	}
	switch e.Kind {
	case rwlock.EventQueued:
		r.begin("rwlock.queued", trace.WithLinks(links(e.Ahead)...), trace.WithAttributes(attribute.Int("rwlock.position", e.Position)))
	case rwlock.EventGranted:
		r.end(nil)
		r.begin("rwlock.held")
	case rwlock.EventLost: // the request goes on until Unlock
		r.end(e.Err)
		fail(r.span, e.Err)
	case rwlock.EventFailed, rwlock.EventReleased:
		r.end(e.Err)
		fail(r.span, e.Err)
		r.span.End()
	}
}

// begin begins a part of the request.
func (r *request) begin(name string, opts ...trace.SpanStartOption) {
	_, r.part = r.tracer.Start(r.ctx, name, append(opts, trace.WithAttributes(r.attrs...))...)
}

// end ends the part that the request is at.
func (r *request) end(err error) {
	if r.part != nil {
		fail(r.part, err)
		r.part.End()
		r.part = nil
	}
}

// fail gives a span the status of an error, unless the caller wanted or caused it.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.RecordError(err)
	if !errors.Is(err, rwlock.ErrLocked) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		span.SetStatus(codes.Error, err.Error())
	}
}

func attributes(locks []rwlock.LockRequest) []attribute.KeyValue {
	if len(locks) == 1 {
		attrs := []attribute.KeyValue{attribute.String("rwlock.name", locks[0].Name), attribute.String("rwlock.mode", locks[0].Mode.String())}
		if locks[0].Mode == rwlock.Slot {
			attrs = append(attrs, attribute.Int("rwlock.weight", locks[0].Weight), attribute.Int("rwlock.permits", locks[0].Permits))
		}
		return attrs
	}
	var texts []string
	for _, l := range locks {
		text := l.Mode.String() + " " + l.Name
		if l.Mode == rwlock.Slot {
			text += fmt.Sprintf(" %d/%d", l.Weight, l.Permits)
		}
		texts = append(texts, text)
	}
	return []attribute.KeyValue{attribute.StringSlice("rwlock.locks", texts)}
}

const header = "traceparent"

// traceparent returns that of the span in a context, or "" if there is none.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// links returns links to the spans of requests that are traced.
func links(ahead []rwlock.Ahead) (all []trace.Link) {
	for _, a := range ahead {
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: a.Owner.Traceparent})
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			all = append(all, trace.Link{SpanContext: span, Attributes: []attribute.KeyValue{attribute.String("rwlock.key", a.Key)}})
		}
	}
	return all
}
