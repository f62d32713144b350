package layout

// The form of files of rules. Every word in them is text but hidden and only.
type (
	fileDoc struct {
		Layouts []ruleDoc `yaml:"layouts"`
	}

	ruleDoc struct {
		Name       *string           `yaml:"name"`
		About      *string           `yaml:"about"`
		Sources    []string          `yaml:"sources"`
		Notes      []string          `yaml:"notes"`
		Kind       *string           `yaml:"kind"`
		Key        *string           `yaml:"key"`
		Read       *string           `yaml:"read"`
		Write      *string           `yaml:"write"`
		Lock       *string           `yaml:"lock"`
		Lease      *string           `yaml:"lease"`
		SameLease  *string           `yaml:"same-lease"`
		Value      *valueDoc         `yaml:"value"`
		Owner      map[string]string `yaml:"owner"`
		Info       []infoDoc         `yaml:"info"`
		Record     *recordDoc        `yaml:"record"`
		Semaphore  *slotsDoc         `yaml:"semaphore"`
		Candidates *candidatesDoc    `yaml:"candidates"`
		Waiters    *string           `yaml:"waiters"`
		Release    *releaseDoc       `yaml:"release"`
		Hidden     *bool             `yaml:"hidden"`
	}

	valueDoc struct {
		Is        *string           `yaml:"is"`
		Version   *string           `yaml:"version"`
		Bytes     *string           `yaml:"bytes"`
		Pattern   *string           `yaml:"pattern"`
		After     *string           `yaml:"after"`
		Snappy    *bool             `yaml:"snappy"`
		Encrypted *string           `yaml:"encrypted"`
		Has       map[string]string `yaml:"has"`
		Only      *bool             `yaml:"only"`
	}

	infoDoc struct {
		Key   *string           `yaml:"key"`
		Value *valueDoc         `yaml:"value"`
		Owner map[string]string `yaml:"owner"`
	}

	recordDoc struct {
		Holder   *string `yaml:"holder"`
		Acquired *string `yaml:"acquired"`
		Renewed  *string `yaml:"renewed"`
		Duration *string `yaml:"duration"`
	}

	slotsDoc struct {
		Total   *string `yaml:"total"`
		Holders *string `yaml:"holders"`
	}

	candidatesDoc struct {
		Key   *string   `yaml:"key"`
		Lock  *string   `yaml:"lock"`
		Value *valueDoc `yaml:"value"`
	}

	releaseDoc struct {
		How     *string `yaml:"how"`
		Command *string `yaml:"command"`
		Why     *string `yaml:"why"`
	}
)
