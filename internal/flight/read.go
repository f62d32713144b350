package flight

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// maxLine bounds a line of a segment: a recording may come from anywhere.
const maxLine = 256 << 20

// errStop ends a scan early.
var errStop = errors.New("flight: enough was read")

// damageError says that the rest of a segment cannot be read: its last frame was torn when
// the recorder was killed, or the file is damaged.
type damageError struct{ err error }

func (e damageError) Error() string {
	return "flight: the rest of the segment is damaged: " + e.err.Error()
}

func (e damageError) Unwrap() error { return e.err }

// scan calls f for each line of a segment, decoded into T, until f returns errStop, which it hides, or
// another error. It returns a damageError if the rest of the segment cannot be read. Lines
// of kinds that are not known are left to f.
func scan[T any](path string, f func(T) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("flight: %w", err)
	}
	defer func() { _ = file.Close() }()
	decoder, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return fmt.Errorf("flight: %w", err)
	}
	defer decoder.Close()
	lines := &lineReader{r: bufio.NewReaderSize(decoder, 1<<16)}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return damageError{err}
		}
		var l T
		if err := json.Unmarshal(line, &l); err != nil {
			return damageError{err}
		}
		if err := f(l); errors.Is(err, errStop) {
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
