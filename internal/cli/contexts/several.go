package contexts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
)

// Member is one of the contexts of a command that is about several.
type Member struct {
	Name    string
	Connect func(context.Context) (*connect.Conn, error)
}

// Answer is what one of several contexts answered.
type Answer[T any] struct {
	Context string
	Cluster string // the cluster's ID, where it is known
	Doc     T
	Err     error // Doc is what it is without an answer
}

// Ask connects to all members and reads each, side by side. The answers are in the order of
// the members. One that does not answer keeps no other from it.
func Ask[T any](ctx context.Context, members []Member, read func(context.Context, Member, *connect.Conn) (T, error)) []Answer[T] {
	answers := make([]Answer[T], len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		answers[i].Context = m.Name
		wg.Go(func() {
			c, err := m.Connect(ctx)
			if err != nil {
				answers[i].Err = err
				return
			}
			defer c.Close()
			answers[i].Doc, answers[i].Err = read(ctx, m, c)
			if len(members) > 1 {
				answers[i].Cluster = c.ClusterID(ctx, nil)
			}
		})
	}
	wg.Wait()
	return answers
}

// Answered are the answers of the contexts that gave one.
func Answered[T any](answers []Answer[T]) []Answer[T] {
	return slices.DeleteFunc(slices.Clone(answers), func(a Answer[T]) bool { return a.Err != nil })
}

// Alike says which contexts seem to be one etcd, a sentence for each of these. Servers that
// were set up alike have the same ID of a cluster, so it is not certain.
func Alike(clusters map[string]string, order []Member) []string {
	var ids []string
	names := map[string][]string{}
	for _, m := range order {
		id := clusters[m.Name]
		if id == "" {
			continue
		}
		if names[id] == nil {
			ids = append(ids, id)
		}
		names[id] = append(names[id], m.Name)
	}
	var says []string
	for _, id := range ids {
		if n := names[id]; len(n) > 1 {
			says = append(says, fmt.Sprintf("contexts %s have the same cluster ID, %s: they are one etcd, unless they were set up alike", format.List(n, "and"), id))
		}
	}
	return says
}

// SeveralHelp documents what -o json prints for several contexts.
const SeveralHelp = `With several contexts, as in --context dev,prod, they are read side by side, and a column
or the beginning of a line says of which it is. One that does not answer does not keep the others from being
shown; the error is printed, and the exit code is that of the error. With -o json then:
  contexts              in the order in which they were named, each:
    context             its name
    error               why there is no answer; then there are no further fields
    and the fields above`

// LastingHelp documents several contexts of commands that follow them.
const LastingHelp = `With several contexts, as in --context dev,prod, they are followed side by side, and a
column, or the field context, says of which each line is. One that does not answer, from the
start on too, is tried again and keeps no other from being followed; one that refuses this
client is not, and its error is printed and is the exit code at the end.`

// Document prints answers as JSON, which SeveralHelp documents.
func Document[T any](out output.Printer, answers []Answer[T], doc func(Answer[T]) any) error {
	all := severalDoc{Contexts: []any{}}
	for _, a := range answers {
		if a.Err != nil {
			all.Contexts = append(all.Contexts, unansweredDoc{a.Context, format.Plainly(a.Err)})
			continue
		}
		all.Contexts = append(all.Contexts, doc(a))
	}
	return out.Document(all)
}

type severalDoc struct {
	Contexts []any `json:"contexts"`
}

// Lists implements output.Lister.
func (d severalDoc) Lists() (lists []output.Elements) {
	for _, c := range d.Contexts {
		if l, ok := c.(output.Lister); ok {
			lists = append(lists, l.Lists()...)
		}
	}
	return lists
}

type unansweredDoc struct {
	Context string `json:"context"`
	Error   string `json:"error"`
}

// ofOne are flags with which a command is about one etcd: logins are to one, and
// revisions and recordings are of one.
func ofOne() []string {
	return append(Identity(), "rev", "recording", "history", "potential")
}

// CheckSeveral refuses several contexts for a command that is about one, and flags that are.
func CheckSeveral(chosen Chosen, command string, can bool, fs *pflag.FlagSet) error {
	if len(chosen.Several) == 0 {
		return nil
	}
	names := strings.Join(chosen.Several, ", ")
	advice := "name one of them: --context " + chosen.Several[0]
	if !can {
		return hint.Add(fmt.Errorf("%s is about one context, and several are named: %s", command, names), advice)
	}
	for _, name := range ofOne() {
		if fs.Changed(name) {
			return hint.Add(fmt.Errorf("--%s is about one context, and several are named: %s", name, names), advice)
		}
	}
	return nil
}
