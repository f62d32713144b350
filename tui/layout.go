package tui

// besideWidth is where the queue has room beside the locks, with every column
// of both.
const besideWidth = 132

// layout is where everything goes on a screen of a size.
type layout struct {
	beside       bool // the queue is beside the locks, and panes have boxes
	only         bool // there is room for the focused pane alone
	status, help bool
	locks, queue size
	log          size // h 0: none
	overlay      size // a list in place of locks and queue
	full         size // the help in place of all panes
}

type size struct{ w, h int }

// newLayout shares a screen of w×h among the panes.
func newLayout(w, h int) layout {
	l := layout{beside: w >= besideWidth, status: h >= 4, help: h >= 8}
	body := h - 1
	if l.status {
		body--
	}
	if l.help {
		body--
	}
	body = max(body, 0)
	l.log = size{w, logHeight(body, l.beside)}
	rest := body - l.log.h
	l.overlay, l.full = size{w, rest}, size{w, body}
	switch {
	case rest < 8:
		l.only, l.beside = true, false
		l.overlay, l.locks, l.queue, l.log = l.full, l.full, l.full, size{}
	case l.beside:
		left := min(max(w*47/100, 64), 100)
		l.locks, l.queue = size{left, rest}, size{w - left - 1, rest}
	default:
		top := (rest + 1) / 2
		l.locks, l.queue = size{w, top}, size{w, rest - top}
	}
	return l
}

// logHeight grows with the screen.
func logHeight(body int, boxed bool) int {
	h := body / 5
	if body > 30 {
		h = body / 4
	}
	if boxed {
		h += 2
	}
	return max(h, 4)
}

// logSize is the log's, which has the screen for itself when it is small.
func (l layout) logSize() size {
	if l.only {
		return l.full
	}
	return l.log
}

// body is the size inside a panel.
func (l layout) body(s size) (w, h int) { return inner(s.w, s.h, l.beside) }
