package widget

import (
	"slices"
	"strings"
)

// Rename returns the groups with other keys for some bindings: by the name of a key, what
// takes its place, which is nothing for a key that is off. What is shown follows.
func Rename(groups []Group, to map[string][]string) []Group {
	if len(to) == 0 {
		return groups
	}
	renamed := make([]Group, 0, len(groups))
	for _, g := range groups {
		bindings := make([]Binding, 0, len(g.Bindings))
		for _, b := range g.Bindings {
			if b = b.rename(to); b.Keys != "" {
				bindings = append(bindings, b)
			}
		}
		renamed = append(renamed, Group{g.Title, bindings})
	}
	return renamed
}

func (b Binding) rename(to map[string][]string) Binding {
	old := strings.Fields(b.Keys)
	if !slices.ContainsFunc(old, func(k string) bool { _, ok := to[k]; return ok }) {
		return b
	}
	var keys []string
	for _, k := range old {
		if instead, ok := to[k]; ok {
			keys = append(keys, instead...)
			continue
		}
		keys = append(keys, k)
	}
	b.Keys, b.Label = strings.Join(keys, " "), ""
	return b
}

// Has reports whether a key is one of the binding's.
func (b Binding) Has(key string) bool { return slices.Contains(strings.Fields(b.Keys), key) }
