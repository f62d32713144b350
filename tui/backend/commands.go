package backend

// CommandLog keeps what the UI did for its user, as lines that a shell could run.
type CommandLog interface {
	// Append appends text, which ends with a line feed. It blocks.
	Append(text string) error
}
