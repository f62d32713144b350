package app

import "strings"

// historyMost is how many commands are remembered.
const historyMost = 100

// history is the commands that were typed, the latest last.
type history struct {
	commands []string
	at       int    // that is in the line; after the last: none
	draft    string // what was in the line before
}

// add remembers a command.
func (h *history) add(text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	if n := len(h.commands); n == 0 || h.commands[n-1] != text {
		h.commands = append(h.commands, text)
	}
	h.commands = h.commands[max(len(h.commands)-historyMost, 0):]
}

// begin is for a new line.
func (h *history) begin() { h.at, h.draft = len(h.commands), "" }

// step returns the command before the one in the line (-1), or the one after (1). After the
// last one is what was in the line at first.
func (h *history) step(by int, line string) (text string, ok bool) {
	to := h.at + by
	if to < 0 || to > len(h.commands) {
		return "", false
	}
	if h.at == len(h.commands) {
		h.draft = line
	}
	h.at = to
	if to == len(h.commands) {
		return h.draft, true
	}
	return h.commands[to], true
}
