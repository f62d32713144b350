package format

// Name returns the name of a lock as it is, or two quotes for the empty name, which a
// mutex can have.
func Name(name string) string {
	if name == "" {
		return `""`
	}
	return name
}
