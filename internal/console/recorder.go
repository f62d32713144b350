package console

import (
	"context"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/recorder"
)

// scenarioRecorder records what happens to the locks as a scenario.
type scenarioRecorder struct {
	source  *inspect.Source
	options recorder.Options
}

// Record implements backend.Recorder.
func (r scenarioRecorder) Record(ctx context.Context, path string) (summary string, err error) {
	f, err := recorder.Create(path)
	if err != nil {
		return "", err
	}
	report, err := recorder.Record(ctx, r.source, f, r.options)
	return strings.Join(report, "; "), f.Finish(err)
}
