package console

import (
	"errors"
	"os"
)

// commandLog is the file that commands are appended to. It implements backend.CommandLog.
type commandLog string

// Append implements backend.CommandLog.
func (l commandLog) Append(text string) error {
	f, err := os.OpenFile(string(l), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
