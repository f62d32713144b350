package layout

// The form of files of rules. Every value in them is text but hidden, only and snappy.
type (
	fileDoc struct {
		Layouts []ruleDoc `yaml:"layouts" json:"layouts,omitempty"`
	}

	ruleDoc struct {
		Name       *string           `yaml:"name" json:"name,omitempty"`
		About      *string           `yaml:"about" json:"about,omitempty"`
		Sources    []string          `yaml:"sources" json:"sources,omitempty"`
		Notes      []string          `yaml:"notes" json:"notes,omitempty"`
		Kind       *string           `yaml:"kind" json:"kind,omitempty"`
		Key        *string           `yaml:"key" json:"key,omitempty"`
		Read       *string           `yaml:"read" json:"read,omitempty"`
		Write      *string           `yaml:"write" json:"write,omitempty"`
		Lock       *string           `yaml:"lock" json:"lock,omitempty"`
		ReadLock   *string           `yaml:"read-lock" json:"read-lock,omitempty"`
		Lease      *string           `yaml:"lease" json:"lease,omitempty"`
		SameLease  *string           `yaml:"same-lease" json:"same-lease,omitempty"`
		Beside     *besideDoc        `yaml:"beside" json:"beside,omitempty"`
		Value      *valueDoc         `yaml:"value" json:"value,omitempty"`
		Owner      map[string]string `yaml:"owner" json:"owner,omitempty"`
		Info       []infoDoc         `yaml:"info" json:"info,omitempty"`
		Record     *recordDoc        `yaml:"record" json:"record,omitempty"`
		Semaphore  *slotsDoc         `yaml:"semaphore" json:"semaphore,omitempty"`
		Candidates *candidatesDoc    `yaml:"candidates" json:"candidates,omitempty"`
		Waiters    *string           `yaml:"waiters" json:"waiters,omitempty"`
		Ended      *string           `yaml:"ended" json:"ended,omitempty"`
		Release    *releaseDoc       `yaml:"release" json:"release,omitempty"`
		Hidden     *bool             `yaml:"hidden" json:"hidden,omitempty"`
	}

	valueDoc struct {
		Is        *string           `yaml:"is" json:"is,omitempty"`
		Version   *string           `yaml:"version" json:"version,omitempty"`
		Bytes     *string           `yaml:"bytes" json:"bytes,omitempty"`
		Pattern   *string           `yaml:"pattern" json:"pattern,omitempty"`
		After     *string           `yaml:"after" json:"after,omitempty"`
		Snappy    *bool             `yaml:"snappy" json:"snappy,omitempty"`
		Encrypted *string           `yaml:"encrypted" json:"encrypted,omitempty"`
		Has       map[string]string `yaml:"has" json:"has,omitempty"`
		Only      *bool             `yaml:"only" json:"only,omitempty"`
	}

	infoDoc struct {
		Key   *string           `yaml:"key" json:"key,omitempty"`
		Value *valueDoc         `yaml:"value" json:"value,omitempty"`
		Owner map[string]string `yaml:"owner" json:"owner,omitempty"`
	}

	recordDoc struct {
		Holder   *string `yaml:"holder" json:"holder,omitempty"`
		Acquired *string `yaml:"acquired" json:"acquired,omitempty"`
		Renewed  *string `yaml:"renewed" json:"renewed,omitempty"`
		Duration *string `yaml:"duration" json:"duration,omitempty"`
	}

	slotsDoc struct {
		Total   *string `yaml:"total" json:"total,omitempty"`
		Holders *string `yaml:"holders" json:"holders,omitempty"`
	}

	candidatesDoc struct {
		Key   *string   `yaml:"key" json:"key,omitempty"`
		Lock  *string   `yaml:"lock" json:"lock,omitempty"`
		Name  *string   `yaml:"name" json:"name,omitempty"`
		Value *valueDoc `yaml:"value" json:"value,omitempty"`
	}

	besideDoc struct {
		Key  *string `yaml:"key" json:"key,omitempty"`
		Lock *string `yaml:"lock" json:"lock,omitempty"`
	}

	releaseDoc struct {
		How     *string  `yaml:"how" json:"how,omitempty"`
		Command *string  `yaml:"command" json:"command,omitempty"`
		Why     *string  `yaml:"why" json:"why,omitempty"`
		Look    *string  `yaml:"look" json:"look,omitempty"`
		Dead    []string `yaml:"dead" json:"dead,omitempty"`
	}
)
