package layout_test

import (
	"errors"
	"strings"
	"testing"

	"etcd-lock/internal/layout"
	"etcd-lock/internal/yamlfile"
)

// TestParseRefuses wants errors that say what is wrong, and where.
func TestParseRefuses(t *testing.T) {
	one := func(fields string) string { return "layouts:\n  - name: n\n" + fields }
	single := func(fields string) string { return one("    kind: single\n    key: '/a/{x}'\n" + fields) }
	for _, tt := range []struct{ name, data, want string }{
		{"Empty", "", "1:1: empty file: it needs a list of layouts"},
		{"NoLayouts", "layouts: []\n", "a file of layouts has 1 to 1000 of them"},
		{"NotYAML", "layouts: [\n", "1:"},
		{"UnknownField", single("    keys: a\n"), `5:5: unknown field "keys"`},
		{"ListForText", single("    about: [a]\n"), "5:12: wrong kind of value: want text"},
		{"NoName", "layouts:\n  - kind: single\n    key: a\n", "2:5: a layout needs a name"},
		{"BadName", "layouts:\n  - name: My Locks\n    kind: single\n    key: a\n", "2:11: a layout needs a name of lower-case letters"},
		{"SameNameTwice", single("") + "  - {name: n, kind: single, key: b}\n", `5:12: the second layout with the name "n"`},
		{"NameOfABuiltIn", "layouts:\n  - {name: patroni, kind: single, key: a}\n", `2:12: "patroni" is the name of a built-in layout`},
		{"NoKind", one("    key: a\n"), "2:5: kind is missing: one of queue, single"},
		{"UnknownKind", one("    kind: lease\n    key: a\n"), `3:11: "lease" is none of queue, single`},
		{"NoKey", one("    kind: single\n"), "2:5: a layout of kind single needs key"},
		{"KeyAndRead", single("    read: b\n"), "read and write are for kind rw"},
		{"RWWithoutWrite", one("    kind: rw\n    read: '/a/{x}'\n    lock: /a\n"), "needs the patterns read and write"},
		{"RWWithoutLock", one("    kind: rw\n    read: '/a/r/{x}'\n    write: '/a/w/{x}'\n"), "a layout of kind rw needs lock"},
		{"QueueWithoutLock", one("    kind: queue\n    key: '/a/{lease:hex}'\n"), "a layout of kind queue needs lock"},
		{"LockOfSingle", single("    lock: '/a'\n"), "5:11: a lock of kind single has the name of its key"},
		{"TwoWide", one("    kind: single\n    key: '{a:**}/x/{b:**}'\n"), "4:10: {a:**} and {b:**}: only one capture can take any bytes"},
		{"NoTextBetween", one("    kind: single\n    key: '/{a}{b}'\n"), "no text between {a} and {b}"},
		{"CaptureTwice", one("    kind: single\n    key: '/{a}/{a}'\n"), "{a} twice"},
		{"UnknownCapture", one("    kind: single\n    key: '/{a:octal}'\n"), "{a:octal}: what a capture takes is"},
		{"CaptureName", one("    kind: single\n    key: '/{A}'\n"), "{A}: the name of a capture is lower-case"},
		{"OpenBrace", one("    kind: single\n    key: '/{a'\n"), "a { without a }"},
		{"EmptyPattern", one("    kind: single\n    key: ''\n"), "an empty pattern matches no key"},
		{"TooManyCaptures", one("    kind: single\n    key: '/{a}/{b}/{c}/{d}/{e}/{f}/{g}'\n"), "more than 6 captures"},
		{"ThreeInASegment", one("    kind: single\n    key: '/{a}-{b}-{c}'\n"), "{a}, {b} and {c} are in one segment: two can be"},
		{"Base64OfHalfASegment", one("    kind: single\n    key: '/{a}-{b:base64url}'\n"), "base64url takes a whole segment"},
		{"TailWithoutSlash", one("    kind: single\n    key: '{a:**}-{b}'\n"), "the text after {a:**} has to have a slash"},
		{"LeaseIsASegment", one("    kind: queue\n    key: '/a/{lease}'\n    lock: /a\n"), "write {lease:hex} or {lease:decimal}"},
		{"LockOfUnknownCapture", one("    kind: queue\n    key: '/a/{x}/{lease:hex}'\n    lock: '/a/{y}'\n"), "5:11: {y} is not known here: there are {lease}, {x}"},
		{"UnknownLease", single("    lease: yes\n"), `5:12: "yes" is none of any, required, none`},
		{"UnknownForm", single("    value: {is: xml}\n"), `5:17: "xml" is none of any, empty, text`},
		{"NoForm", single("    value: {version: 1}\n"), "is is missing: one of any, empty, text"},
		{"BadRegexp", single("    value: {is: text, pattern: '('}\n"), "5:32: error parsing regexp: missing closing )"},
		{"PatternOfJSON", single("    value: {is: json, pattern: a}\n"), "pattern is for values that are text and any"},
		{"VersionOfText", single("    value: {is: text, version: 1}\n"), "version is for values that are UUIDs"},
		{"BadVersion", single("    value: {is: uuid, version: one}\n"), `5:32: "one" is not a number`},
		{"Base64WithoutBytes", single("    value: {is: base64}\n"), "base64 needs bytes"},
		{"FieldOfJSON", single("    value: {is: json, has: {owner: a}}\n"), "json values have no field owner: there are {.fields} of JSON"},
		{"FieldOfProtobuf", single("    value: {is: protobuf, has: {.a: b}}\n"), "protobuf values have no field .a: there are {numbers}"},
		{"ConditionOfUnknownCapture", single("    value: {is: json, has: {.a: '{y}'}}\n"), "{y} is not known here: there are {x}"},
		{"UnknownPartOfAnOwner", single("    owner: {user: a}\n"), "an owner has host, pid, program, label and time, and no user"},
		{"OwnerOfUnknownName", single("    value: {is: text}\n    owner: {label: '{who}'}\n"), "6:20: {who} is not known here: there are {text}, {x}"},
		{"OwnerOfUnknownGroup", single("    value: {is: text, pattern: '(?P<who>.)'}\n    owner: {label: '{what}'}\n"), "{what} is not known here: there are {text}, {who}, {x}"},
		{"SameLeaseWithoutCandidates", single("    same-lease: '/a/{x}'\n"), "same-lease needs candidates"},
		{"CandidatesWithoutLock", single("    candidates: {key: '/c/{x}'}\n"), "candidates: needs key, the pattern of keys, and lock"},
		{"BesideWithoutSameLease", one("    kind: single\n    key: '/{a}/leader'\n    beside: {key: '/{a}/x', lock: '/{a}/leader'}\n"), "beside needs same-lease"},
		{"BesideOfAnotherCapture", one("    kind: single\n    key: '/{a}/leader'\n    same-lease: '/{a}/m/{text}'\n    candidates: {key: '/{a}/m/{b}', lock: '/{a}/leader'}\n    beside: {key: '/{c}/x', lock: '/{c}/leader'}\n"), "{c} is not a capture of the rule's key"},
		{"BesideWithoutLock", one("    kind: single\n    key: '/{a}/leader'\n    same-lease: '/{a}/m/{text}'\n    candidates: {key: '/{a}/m/{b}', lock: '/{a}/leader'}\n    beside: {key: '/{a}/x'}\n"), "beside: needs key"},
		{"CandidatesOfUnknownName", single("    candidates: {key: '/c/{x}', lock: '/a/{y}'}\n"), "{y} is not known here"},
		{"RecordOfSingle", single("    record: {holder: .a}\n"), "record is for layouts of kind record"},
		{"RecordWithoutRecord", one("    kind: record\n    key: a\n"), "record is for layouts of kind record, which need it"},
		{"RecordOfUnknownField", one("    kind: record\n    key: a\n    value: {is: json}\n    record: {holder: a}\n"), "json values have no field a"},
		{"SemaphoreOfText", one("    kind: semaphore\n    key: a\n    value: {is: text}\n    semaphore: {holders: text}\n"), "the field of a JSON object that lists them"},
		{"WaitersOfSingle", single("    waiters: recorded\n"), "leave no key: unrecorded, or leases"},
		{"CommandOfTwoLines", single("    release: {how: advise, command: \"a\\nb\"}\n"), "a line of printable text"},
		{"AllKeys", one("    kind: single\n    key: '{x:**}'\n"), "it needs some text"},
		{"AllKeysBelowAnything", one("    kind: ignore\n    key: '/{x}/{y:**}'\n"), "it needs some text"},
		{"QueueBesideItsLock", one("    kind: queue\n    key: '{a}___q/{lease:hex}'\n    lock: '{a}'\n"), "go on with a slash"},
		{"QueueNotBelowItsLock", one("    kind: queue\n    key: '/q/{a}/{lease:hex}'\n    lock: '/jobs/{a}'\n"), "go on with a slash"},
		{"QueueOfItsKey", one("    kind: queue\n    key: '/q/{lease:hex}'\n    lock: '/q/{lease}'\n"), "go on with a slash"},
		{"UnrecordedWaitersOfAQueue", one("    kind: queue\n    key: '/a/{lease:hex}'\n    lock: /a\n    waiters: unrecorded\n"), "of kind queue leave keys"},
		{"RevokeOfSingle", single("    release: {how: revoke}\n"), "the lease of a lock of kind single may have other keys"},
		{"AdviseWithoutCommand", single("    release: {how: advise}\n"), "command is for how: advise, which needs it"},
		{"CommandOfDelete", single("    release: {how: delete, command: a}\n"), "command is for how: advise, which needs it"},
		{"LookOfDelete", single("    release: {how: delete, look: a, dead: [b]}\n"), "look is for how: advise"},
		{"LookWithoutDead", single("    release: {how: advise, command: a, look: b}\n"), "look and dead go together"},
		{"DeadWithoutLook", single("    release: {how: advise, command: a, dead: [b]}\n"), "look and dead go together"},
		{"RefuseWithoutWhy", single("    release: {how: refuse}\n"), "how: refuse needs why"},
		{"CommandOfUnknownName", single("    release: {how: advise, command: 'x {y}'}\n"), "{y} is not known here: there are {lock}, {x}"},
		{"InfoWithoutKey", single("    info: [{value: {is: text}}]\n"), "info needs key"},
		{"EndedOtherwise", single("    lease: required\n    ended: deleted\n"), "is none of rewritten"},
		{"EndedWithoutALease", single("    ended: rewritten\n"), "of kind single, with lease: required"},
		{"EndedOfAQueue", one("    kind: queue\n    key: '/a/{lease:hex}'\n    lock: /a\n    ended: rewritten\n"), "of kind single, with lease: required"},
		{"HiddenIsText", single("    hidden: maybe\n"), "wrong kind of value: want true or false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := layout.Parse("f.yaml", []byte(tt.data))
			var at *yamlfile.Error
			if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 {
				t.Fatalf("error %v has no position", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to contain %q", err, tt.want)
			}
		})
	}
}

// TestWithRefuses wants no two rules of the same name, wherever they are from.
func TestWithRefuses(t *testing.T) {
	rules, err := layout.Parse("f.yaml", []byte("layouts: [{name: a, kind: single, key: a}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layout.With(rules[0], rules[0]); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("With(two rules of a name) = %v", err)
	}
	if s, err := layout.With(rules...); err != nil || s.Rule("a") != rules[0] || s.Rule("mutex") != layout.Mutex {
		t.Errorf("With = %v, %v", s, err)
	}
}
