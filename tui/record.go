package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// tape is a recording that goes on.
type tape struct {
	path   string
	since  time.Time
	cancel context.CancelFunc
}

// recordedMsg says what a recording came to.
type recordedMsg struct {
	path, summary string
	err           error
}

// toggleRecord begins a recording, or ends the one that goes on.
func (p *scenariosScreen) toggleRecord() tea.Cmd {
	if p.tape != nil {
		p.tape.cancel()
		return nil
	}
	name := "recording-" + p.now.Format("20060102-150405") + ".yaml"
	return p.request(promptMsg{prompt{label: "record into the new file: ", value: name, accept: func(path string) (tea.Cmd, error) {
		if path == "" {
			return nil, errNoName
		}
		return p.startRecording(path), nil
	}}})
}

func (p *scenariosScreen) startRecording(path string) tea.Cmd {
	ctx, cancel := context.WithCancel(p.tasks.ctx)
	p.tape = &tape{path: path, since: p.now, cancel: cancel}
	recorder := p.opts.Recorder
	return tea.Batch(p.request(noteMsg{entryScenario, "recording into " + path}), p.tasks.cmd(func() tea.Msg {
		defer cancel()
		summary, err := recorder.Record(ctx, path)
		return recordedMsg{path, summary, err}
	}))
}

// recorded puts the scenario that was recorded on the list.
func (p *scenariosScreen) recorded(msg recordedMsg) tea.Cmd {
	p.tape = nil
	if msg.err != nil {
		return p.request(noteMsg{entryError, "not recorded: " + msg.err.Error()})
	}
	return tea.Batch(p.request(noteMsg{entryScenario, msg.path + ": " + msg.summary}), p.readCmd(msg.path))
}
