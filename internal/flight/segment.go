package flight

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// suffix ends the names of segments, which "zstdcat" opens.
const suffix = ".jsonl.zst"

// segmentMark begins a segment, so that a file can have several: a frame that Zstandard
// skips.
var segmentMark = append([]byte{0x50, 0x2a, 0x4d, 0x18, 20, 0, 0, 0}, "etcd-lock recording\n"...)

// segmentName returns the name of a segment's file. Names sort as segments follow each
// other, whatever the clock did.
func segmentName(number int64, begin time.Time) string {
	return fmt.Sprintf("%09d-%s%s", number, begin.UTC().Format("20060102T150405Z"), suffix)
}

// stored is a segment's file.
type stored struct {
	path   string
	number int64
	size   int64
	last   time.Time // when it was written last
}

// segments returns the segments of a folder in their order. Other files are ignored.
func segments(dir string) ([]stored, error) {
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("flight: list the recording: %w", err)
	}
	var all []stored
	for _, f := range files {
		var number int64
		if _, err := fmt.Sscanf(f.Name(), "%09d-", &number); err != nil || !strings.HasSuffix(f.Name(), suffix) {
			continue
		}
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() { // it was removed meanwhile, or is no segment
			continue
		}
		all = append(all, stored{path: filepath.Join(dir, f.Name()), number: number, size: info.Size(), last: info.ModTime()})
	}
	return all, nil
}

// frame collects lines and compresses them, so that they can be read without what was
// written before.
type frame struct {
	buf     bytes.Buffer
	encoder *zstd.Encoder
	lines   *json.Encoder
	raw     int // bytes before compression
	end     Mark
}

func newFrame() (*frame, error) {
	f := &frame{}
	var err error
	f.encoder, err = zstd.NewWriter(&f.buf, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("flight: %w", err)
	}
	f.lines = json.NewEncoder(counter{f})
	f.lines.SetEscapeHTML(false)
	return f, nil
}

type counter struct{ f *frame }

func (c counter) Write(b []byte) (int, error) {
	c.f.raw += len(b)
	return c.f.encoder.Write(b)
}

// add adds a line.
func (f *frame) add(l Line) error {
	if err := f.lines.Encode(l); err != nil {
		return fmt.Errorf("flight: %w", err)
	}
	f.end.Time = later(f.end.Time, l.Time)
	f.end.Revision = max(f.end.Revision, l.Revision)
	return nil
}

// finish returns the compressed lines. The frame must be reset after that.
func (f *frame) finish() ([]byte, error) {
	if err := f.encoder.Close(); err != nil {
		return nil, fmt.Errorf("flight: %w", err)
	}
	return f.buf.Bytes(), nil
}

func (f *frame) reset() {
	f.buf.Reset()
	f.encoder.Reset(&f.buf)
	f.raw, f.end = 0, Mark{}
}
