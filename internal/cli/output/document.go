package output

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"

	"etcd-lock/internal/printable"
)

// List is a list in a document, whose elements are made when they are written: they
// are never in memory together, and an element is there only until the next one. Only
// Document can write it. A nil List is empty.
type List[T any] iter.Seq[*T]

// Lister is a document with Lists.
type Lister interface {
	// Lists returns the lists of the document in the order in which JSON has them.
	Lists() []Elements
}

// Elements is a List of any type.
type Elements interface {
	each(write func(element any) error) error
}

// placeholder is where a List belongs in a document. Nothing else in one is encoded
// so: no field is without a name, and in a text the quotes would be escaped.
const placeholder = `{"":-0e0}`

// MarshalJSON returns what Document replaces by the elements.
func (List[T]) MarshalJSON() ([]byte, error) { return []byte(placeholder), nil }

func (l List[T]) each(write func(element any) error) error {
	if l == nil {
		return nil
	}
	for element := range l {
		if err := write(element); err != nil {
			return err
		}
	}
	return nil
}

// Document prints doc as JSON: indented, unless it is long.
func (p Printer) Document(doc any) error {
	out := documentWriter{Writer: p.Writer}
	var b bytes.Buffer
	if err := encodeJSON(&b, doc); err != nil {
		return err
	}
	rest := b.Bytes()
	if doc, ok := doc.(Lister); ok {
		for _, list := range doc.Lists() {
			before, after, _ := bytes.Cut(rest, []byte(placeholder))
			if err := out.list(before, list); err != nil {
				return err
			}
			rest = after
		}
	}
	if _, err := out.Write(rest); err != nil {
		return err
	}
	return out.close()
}

// maxIndented is the size of the longest document that is indented, for people to
// read. Longer ones are for programs, and indenting would double them.
const maxIndented = 64 << 10

// documentWriter writes a document in pieces, and indents it unless it is long.
type documentWriter struct {
	io.Writer
	buf  bytes.Buffer // not written yet
	long bool         // a part of it has been written
}

func (w *documentWriter) Write(part []byte) (int, error) {
	w.buf.Write(part)
	if w.buf.Len() <= maxIndented {
		return len(part), nil
	}
	w.long = true
	return len(part), w.flush()
}

func (w *documentWriter) flush() error {
	_, err := w.buf.WriteTo(w.Writer)
	return err
}

// close writes the rest.
func (w *documentWriter) close() error {
	if w.long {
		return w.flush()
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, w.buf.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err := w.Writer.Write(indented.Bytes())
	return err
}

// list writes the document up to a list, and the list.
func (w *documentWriter) list(before []byte, elements Elements) error {
	if _, err := w.Write(append(before, '[')); err != nil {
		return err
	}
	var b []byte
	err := elements.each(func(element any) (err error) {
		if a, ok := element.(appender); ok {
			b, err = a.AppendJSON(b)
		} else {
			b, err = AppendJSON(b, element)
		}
		if err == nil {
			_, err = w.Write(b)
		}
		b = append(b[:0], ',') // before the next one
		return err
	})
	if err == nil {
		_, err = w.Write([]byte("]"))
	}
	return err
}

// appender is an element that appends its JSON itself, without control characters.
type appender interface {
	AppendJSON(to []byte) ([]byte, error)
}

// AppendJSON appends the JSON of v, without control characters.
func AppendJSON(b []byte, v any) ([]byte, error) {
	var doc bytes.Buffer
	err := encodeJSON(&doc, v)
	return append(b, bytes.TrimSuffix(doc.Bytes(), []byte("\n"))...), err
}

// encodeJSON writes doc as JSON without control characters, with a newline, in one
// write. A long document is copied only if it has some.
func encodeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(safeWriter{w})
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// safeWriter writes JSON without control characters.
type safeWriter struct{ io.Writer }

func (w safeWriter) Write(b []byte) (int, error) {
	if _, err := w.Writer.Write(printable.JSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}
