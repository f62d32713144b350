package profile

// other is the number of what is beyond a limit.
const (
	other     = 0
	otherName = "(other)"
)

// names numbers different names, up to a limit. Those beyond it are all number 0.
type names struct {
	ids  map[string]int32
	list []string // by number; the first one is other
	most int
}

func newNames(most int) names {
	return names{ids: map[string]int32{}, list: []string{otherName}, most: most}
}

func (n *names) id(name string) int32 {
	if id, ok := n.ids[name]; ok {
		return id
	}
	if len(n.list) > n.most {
		return other
	}
	id := int32(len(n.list))
	n.ids[name] = id
	n.list = append(n.list, name)
	return id
}

// recent remembers what names were folded to, a bounded number of them: to fold one costs
// more than to count it.
type recent struct {
	fold func(string) int32
	ids  map[string]int32
}

// maxRecent bounds recent.
const maxRecent = 1 << 14

func newRecent(fold func(string) int32) recent { return recent{fold: fold, ids: map[string]int32{}} }

func (r *recent) id(name string) int32 {
	if id, ok := r.ids[name]; ok {
		return id
	}
	if len(r.ids) == maxRecent {
		clear(r.ids)
	}
	id := r.fold(name)
	r.ids[name] = id
	return id
}
