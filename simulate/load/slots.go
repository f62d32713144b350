package load

import (
	"fmt"
	"strconv"
	"strings"
)

// SlotRoles returns the roles of clients that take permits of semaphores: one for each weight
// that text names, such as 2, or 1..3 for a third of the clients each. The roles have no names
// and no implementation yet.
func SlotRoles(clients, permits int, text string) ([]Role, error) {
	from, to, ranged := strings.Cut(text, "..")
	if !ranged {
		to = from
	}
	least, err := strconv.Atoi(from)
	most, failed := strconv.Atoi(to)
	switch {
	case err != nil || failed != nil || least < 1 || most < least:
		return nil, fmt.Errorf("--weight %q: want a number of permits such as 2, or a range such as 1..3", text)
	case most-least >= clients:
		return nil, fmt.Errorf("--weight %s: there are more weights than clients", text)
	}
	weights := most - least + 1
	var roles []Role
	for i := range weights {
		label := "client"
		if ranged {
			label = fmt.Sprintf("weight-%d", least+i)
		}
		roles = append(roles, Role{Label: label, Count: (clients + weights - 1 - i) / weights, Permits: permits, Weight: least + i})
	}
	return roles, nil
}
