package docs

import "time"

// RecordedHelp documents the fields of Recorded.
const RecordedHelp = `With --recording also:
  time                of the moment, by the clock of the recorder
  doubts              why the locks may have been different, a sentence each; absent
                      without any`

// Recorded is what documents about a moment of a recording have beside the others.
type Recorded struct {
	Time   time.Time `json:"time,omitzero"`
	Doubts []string  `json:"doubts,omitempty"`
}
