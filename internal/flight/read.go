package flight

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxLine bounds a line of a segment: a recording may come from anywhere.
const maxLine = 256 << 20

// part is where a segment is: a file, or a part of one.
type part struct {
	path       string
	from, size int64
}

// whole is the part that is a whole file.
func whole(path string) part { return part{path: path, size: math.MaxInt64} }

// parts returns the segments of a file, each of which begins with a mark.
func parts(path string) ([]part, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	defer func() { _ = file.Close() }()
	var all []part
	buf := make([]byte, 0, 1<<20)
	for at := int64(0); ; {
		n, err := io.ReadFull(file, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return nil, fmt.Errorf("the recording: %w", err)
		}
		for from := 0; ; from += len(segmentMark) {
			i := bytes.Index(buf[from:], segmentMark)
			if i < 0 {
				break
			}
			from += i
			all = append(all, part{path: path, from: at + int64(from), size: math.MaxInt64 - at - int64(from)})
		}
		if last {
			break
		}
		keep := len(segmentMark) - 1 // a mark can be on both sides
		at += int64(len(buf) - keep)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
	for i := range all[:max(0, len(all)-1)] {
		all[i].size = all[i+1].from - all[i].from
	}
	if len(all) == 0 {
		all = []part{whole(path)}
	}
	return all, nil
}

var errDecoder = errors.New("there is no decoder of Zstandard")

// decoders are used again, since a recording has many segments. They have no goroutines.
var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil { // the options are right
		return nil
	}
	return d
}}

// errStop ends a scan early.
var errStop = errors.New("enough was read")

// damageError says that the rest of a segment cannot be read: its last frame was torn when
// the recorder was killed, or the file is damaged.
type damageError struct{ err error }

func (e damageError) Error() string {
	return "the rest of the segment is damaged: " + e.err.Error()
}

func (e damageError) Unwrap() error { return e.err }

// scan is scanLines with each line decoded into T. Lines of kinds that are not known are
// left to f.
func scan[T any](p part, f func(T) error) error {
	return scanLines(p, func(line []byte) error {
		var l T
		if err := json.Unmarshal(line, &l); err != nil {
			return damageError{err}
		}
		return f(l)
	})
}

// scanLines calls f for each line of a segment until f returns errStop, which it hides, or
// another error. It returns a damageError if the rest of the segment cannot be read. A line
// is valid until f returns.
func scanLines(p part, f func(line []byte) error) error {
	file, err := os.Open(p.path)
	if err != nil {
		return fmt.Errorf("the recording: %w", err)
	}
	defer func() { _ = file.Close() }()
	decoder, ok := decoders.Get().(*zstd.Decoder)
	if !ok {
		return errDecoder
	}
	defer decoders.Put(decoder)
	if err := decoder.Reset(io.NewSectionReader(file, p.from, p.size)); err != nil {
		return damageError{err}
	}
	defer func() { _ = decoder.Reset(nil) }()
	lines := &lineReader{r: bufio.NewReaderSize(decoder, 1<<16)}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return damageError{err}
		}
		if err := f(line); errors.Is(err, errStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// lineReader reads lines of a bounded length.
type lineReader struct {
	r   *bufio.Reader
	buf bytes.Buffer
}

// next returns the next line, which is valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	l.buf.Reset()
	for {
		part, err := l.r.ReadSlice('\n')
		if l.buf.Len()+len(part) > maxLine {
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		if err == nil && l.buf.Len() == 0 {
			return part, nil
		}
		l.buf.Write(part)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.buf.Bytes(), err
		}
	}
}
