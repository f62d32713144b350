package flight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrNoRoom says that the locks alone take more room than the recording may.
var ErrNoRoom = errors.New("a picture of all locks is larger than the recording may be")

// Limits are how long and how large a recording may be.
type Limits struct {
	Keep    time.Duration // how long segments are kept after they were written
	MaxSize int64         // of all segments together, in bytes
}

// output is the file of a segment. Tests make it fail.
type output interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
	Close() error
}

// folder is the files of a recording. It never lets them grow beyond the limits.
type folder struct {
	dir    string
	limits Limits
	create func(path string) (output, error)

	all     []stored // the last one is open unless file is nil
	size    int64    // of all
	file    output
	written int64 // bytes of the open segment that are complete frames
	next    int64 // number of the next segment

	covered []stored // segments of which a thinned one has the contents, to be removed
	rest    int      // ticks until segments are thinned

	ahead time.Duration // by how much the clock was set forward: segments do not grow old by that
}

func openFolder(dir string, limits Limits) (*folder, error) {
	all, covered, err := segments(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, limits: limits, create: createFile, all: all, covered: covered, next: 1}
	f.size = sizeOfAll(all) + sizeOfAll(covered)
	for _, s := range all {
		f.next = max(f.next, s.number+1, s.through+1)
	}
	_ = os.Remove(filepath.Join(dir, thinFile)) // of a recorder that was killed
	return f, f.removeCovered()
}

// parts returns the segments.
func (f *folder) parts() (all []part) {
	for _, s := range f.all {
		all = append(all, whole(s.path))
	}
	return all
}

func createFile(path string) (output, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return diskFile{f}, err
}

// syncFile makes what was written durable. Tests, whose files outlive no crash of the machine,
// do without it, as it takes most of their time.
var syncFile = (*os.File).Sync

// diskFile is an output that syncFile syncs.
type diskFile struct{ *os.File }

// Sync implements output.
func (f diskFile) Sync() error { return syncFile(f.File) }

// begin begins a segment with a frame that is complete in itself.
func (f *folder) begin(number int64, frame []byte, now time.Time) error {
	f.close()
	if int64(len(frame)) > f.limits.MaxSize {
		return ErrNoRoom
	}
	path := filepath.Join(f.dir, segmentName(number, now))
	if err := f.makeRoom(int64(len(frame)), now); err != nil {
		return err
	}
	file, err := f.create(path)
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	f.file, f.written, f.next = file, 0, number+1
	f.all = append(f.all, stored{path: path, number: number, last: now})
	if err := f.append(frame, now); err != nil {
		f.drop()
		return err
	}
	return syncDir(f.dir)
}

// fits reports whether a frame fits into the open segment without removing it.
func (f *folder) fits(frame []byte) bool { return f.written+int64(len(frame)) <= f.limits.MaxSize }

// append appends a complete frame to the open segment and makes it durable. If that fails,
// the segment is as before, as far as the disk permits.
func (f *folder) append(frame []byte, now time.Time) error {
	if err := f.makeRoom(int64(len(frame)), now); err != nil {
		return err
	}
	_, err := f.file.Write(frame)
	if err == nil {
		err = f.file.Sync()
	}
	open := &f.all[len(f.all)-1]
	if err != nil {
		err = fmt.Errorf("write the recording: %w", err)
		if cut := f.file.Truncate(f.written); cut != nil { // what was written in part stays, and takes room
			f.size += int64(len(frame))
			open.size += int64(len(frame))
			err = errors.Join(err, cut)
		}
		return err
	}
	f.written += int64(len(frame))
	f.size += int64(len(frame))
	open.size, open.last = f.written, now
	return nil
}

// makeRoom removes the oldest segments until so many bytes more are within the limits. It
// keeps the open one.
func (f *folder) makeRoom(more int64, now time.Time) error {
	closed := len(f.all)
	if f.file != nil {
		closed--
	}
	for ; closed > 0; closed-- {
		oldest := f.all[0]
		if f.size+more <= f.limits.MaxSize && now.Sub(oldest.last)-f.ahead <= f.limits.Keep {
			return nil
		}
		if len(f.covered) > 0 { // first, so that they are not taken for segments of their own later
			if err := f.removeCovered(); err != nil {
				return err
			}
			closed++
			continue
		}
		if err := os.Remove(oldest.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the oldest segment: %w", err)
		}
		f.size -= oldest.size
		f.all = f.all[1:]
	}
	return nil
}

// drop removes the open segment, which has no complete frame.
func (f *folder) drop() {
	f.close()
	last := f.all[len(f.all)-1]
	if os.Remove(last.path) == nil {
		f.all = f.all[:len(f.all)-1]
	}
}

// close closes the open segment.
func (f *folder) close() {
	if f.file != nil {
		_ = f.file.Close() // every frame was synced
		f.file = nil
	}
}

// syncDir makes the names in a folder durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("the recording: %w", err)
	}
	_ = syncFile(d) // some systems cannot sync a folder
	return d.Close()
}

// causeOf returns a failure as a text without the file, which is another one at each attempt.
func causeOf(err error) string {
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return file.Op + ": " + file.Err.Error()
	}
	return err.Error()
}
