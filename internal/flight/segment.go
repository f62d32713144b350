package flight

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// thinnedPath returns the path of what several segments were rewritten as, given that of
// the first one. It sorts before that.
func thinnedPath(first string, through int64) string {
	return fmt.Sprintf("%s-%09d%s", strings.TrimSuffix(first, suffix), through, suffix)
}

// stored is a segment's file.
type stored struct {
	path     string
	number   int64
	through  int64 // number of the last of the segments it was made of; 0: it is as it was recorded
	size     int64
	last     time.Time // when it was written last
	keepAsIs bool      // it is not to be thinned
}

func (s stored) thinned() bool { return s.through > 0 }

// segments returns the segments of a folder in their order, and those of which a thinned
// one has the contents. Other files are ignored.
func segments(dir string) (all, covered []stored, err error) {
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, nil, fmt.Errorf("list the recording: %w", err)
	}
	through := int64(0)
	for _, f := range files {
		number, last, ok := parseName(f.Name())
		if !ok {
			continue
		}
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() { // it was removed meanwhile, or is no segment
			continue
		}
		s := stored{path: filepath.Join(dir, f.Name()), number: number, through: last, size: info.Size(), last: info.ModTime()}
		if number <= through {
			covered = append(covered, s)
			continue
		}
		through = max(through, last)
		all = append(all, s)
	}
	return all, covered, nil
}

// parseName returns what the name of a segment's file says.
func parseName(name string) (number, through int64, ok bool) {
	name, ok = strings.CutSuffix(name, suffix)
	parts := strings.Split(name, "-")
	if !ok || len(parts) != 2 && len(parts) != 3 {
		return 0, 0, false
	}
	number, err := strconv.ParseInt(parts[0], 10, 64)
	if err == nil && len(parts) == 3 {
		through, err = strconv.ParseInt(parts[2], 10, 64)
	}
	return number, through, err == nil
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
	f.encoder, err = zstd.NewWriter(&f.buf, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithAllLitEntropyCompression(true), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	f.lines = json.NewEncoder(counter{f})
	f.lines.SetEscapeHTML(false)
	return f, nil
}

type counter struct{ f *frame }

// Write compresses a line. Long columns become blocks of their own: what is in one block
// shares one code, and the letters of a column are not those of another.
func (c counter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := columnsEnd(rest)
		part, isLong := rest[:n], n >= longColumns
		if _, err := c.f.encoder.Write(part); err != nil {
			return 0, err
		}
		if isLong {
			if err := c.f.encoder.Flush(); err != nil {
				return 0, err
			}
		}
		rest = rest[n:]
	}
	c.f.raw += len(b)
	return len(b), nil
}

// longColumns is the length from which on columns are compressed apart from those after
// them, in bytes.
const longColumns = 1 << 10

// columnHeads are what long columns of a batch begin with, in their order.
var columnHeads = [][]byte{
	[]byte(`,"us":`), []byte(`,"counts":`), []byte(`,"steps":`), []byte(`,"ops":`), []byte(`,"lock":`),
	[]byte(`,"client":`), []byte(`,"ids":`), []byte(`,"made":`), []byte(`,"place":`), []byte(`,"session":`),
}

// columnsEnd returns where the first long columns of a line end.
func columnsEnd(line []byte) int {
	end := 0
	for _, head := range columnHeads {
		if n := bytes.Index(line[end:], head); n >= 0 {
			if end += n; end >= longColumns {
				return end
			}
			end++
		}
	}
	return len(line)
}

// add adds a line.
func (f *frame) add(l Line) error {
	if err := f.lines.Encode(l); err != nil {
		return fmt.Errorf("the recording: %w", err)
	}
	f.end.Time = later(f.end.Time, l.Time)
	f.end.Revision = max(f.end.Revision, l.Revision)
	return nil
}

// finish returns the compressed lines. The frame must be reset after that.
func (f *frame) finish() ([]byte, error) {
	if err := f.encoder.Close(); err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	return f.buf.Bytes(), nil
}

// keptBuffer bounds the room that is kept for the next frame: that of a picture of many
// locks, which a segment begins with, is not needed for minutes.
const keptBuffer = 1 << 20

func (f *frame) reset() {
	f.buf.Reset()
	if f.buf.Cap() > keptBuffer {
		f.buf = bytes.Buffer{}
	}
	f.encoder.Reset(&f.buf)
	f.raw, f.end = 0, Mark{}
}
