package scenario

// The types of a file as Parse decodes it. Fields are pointers or lists, because a
// field that is left out is not an empty one. Numbers and durations are text, so that
// Parse can report errors in them with their position.
type (
	document struct {
		Name    *string     `yaml:"name"`
		About   string      `yaml:"about"`
		TTL     *string     `yaml:"ttl"`
		Seed    *string     `yaml:"seed"`
		Cluster *string     `yaml:"cluster"`
		Clients []clientDoc `yaml:"clients"`
		Faults  []faultDoc  `yaml:"faults"`
		Expect  expectDoc   `yaml:"expect"`

		Semaphores []semaphoreDoc `yaml:"semaphores"`
	}
	semaphoreDoc struct {
		Name    *string `yaml:"name"`
		Permits *string `yaml:"permits"`
	}
	clientDoc struct {
		Name   *string   `yaml:"name"`
		Count  *string   `yaml:"count"`
		Impl   *string   `yaml:"impl"`
		TTL    *string   `yaml:"ttl"`
		After  *spanDoc  `yaml:"after"`
		Repeat *string   `yaml:"repeat"`
		Steps  []stepDoc `yaml:"steps"`

		Semaphores []semaphoreDoc `yaml:"semaphores"`
	}
	stepDoc struct {
		word *string // of a step that is one word

		Read      *string      `yaml:"read"`
		Write     *string      `yaml:"write"`
		Slot      *slotDoc     `yaml:"slot"`
		Together  *togetherDoc `yaml:"together"`
		Wait      *spanDoc     `yaml:"wait"`
		Upgrade   *string      `yaml:"upgrade"`
		Downgrade *string      `yaml:"downgrade"`
		Unlock    *wordsDoc    `yaml:"unlock"`
		Within    *spanDoc     `yaml:"within"`
		Try       *bool        `yaml:"try"`
		Cancel    *spanDoc     `yaml:"cancel"`
		Crash     *spanDoc     `yaml:"crash"`
		Expect    *wordsDoc    `yaml:"expect"`
		Waits     *boundsDoc   `yaml:"waits"`
	}
	togetherDoc struct {
		Read  []string  `yaml:"read"`
		Write []string  `yaml:"write"`
		Slot  []slotDoc `yaml:"slot"`
	}
	// slotDoc is the name of a semaphore, or a mapping with the permits to take.
	slotDoc struct {
		text *string

		Name   *string `yaml:"name"`
		Weight *string `yaml:"weight"`
	}
	boundsDoc struct {
		AtLeast *string `yaml:"at_least"`
		AtMost  *string `yaml:"at_most"`
	}
	faultDoc struct {
		At      *spanDoc  `yaml:"at"`
		Kill    *string   `yaml:"kill"`
		Stop    *string   `yaml:"stop"`
		Start   *string   `yaml:"start"`
		Cut     *wordsDoc `yaml:"cut"`
		Heal    *wordsDoc `yaml:"heal"`
		Compact *bool     `yaml:"compact"`
	}
	expectDoc struct {
		Log     []string   `yaml:"log"`
		Order   [][]string `yaml:"order"`
		MaxWait *string    `yaml:"max_wait"`
		Fenced  *string    `yaml:"fenced"`
	}
	// spanDoc is a duration, or a mapping of the bounds of a random one.
	spanDoc struct {
		text *string

		From *string `yaml:"from"`
		To   *string `yaml:"to"`
	}
	// wordsDoc is a word or a list of them.
	wordsDoc struct {
		words  []string
		listed bool
	}
)

// UnmarshalYAML decodes a mapping or a word.
func (d *stepDoc) UnmarshalYAML(decode func(any) error) error {
	if word := new(string); decode(word) == nil {
		d.word = word
		return nil
	}
	type mapping stepDoc
	return decode((*mapping)(d))
}

// UnmarshalYAML decodes a duration or a mapping.
func (d *spanDoc) UnmarshalYAML(decode func(any) error) error {
	if text := new(string); decode(text) == nil {
		d.text = text
		return nil
	}
	type mapping spanDoc
	return decode((*mapping)(d))
}

// UnmarshalYAML decodes a name or a mapping.
func (d *slotDoc) UnmarshalYAML(decode func(any) error) error {
	if text := new(string); decode(text) == nil {
		d.text = text
		return nil
	}
	type mapping slotDoc
	return decode((*mapping)(d))
}

// UnmarshalYAML decodes a word or a list.
func (d *wordsDoc) UnmarshalYAML(decode func(any) error) error {
	if word := ""; decode(&word) == nil {
		d.words = []string{word}
		return nil
	}
	d.listed = true
	return decode(&d.words)
}
