package demo

import (
	"strings"
)

// policyRows are the rows of a table of who may call what: in each line the
// methods of a service that ask for the same.
func policyRows() ([][]string, error) {
	rows := [][]string{{"SERVICE", "METHODS", "OPEN TO"}}
	for _, role := range roles() {
		table, err := role.PolicyTable()
		if err != nil {
			return nil, err
		}
		rows = append(rows, methodsAlike(role.Name, table)...)
	}
	return rows, nil
}

// methodsAlike are the rows of one service, whose policy table this is. Health
// and methods that there are not are the same for all, and left out.
func methodsAlike(service, table string) [][]string {
	var rows [][]string
	for line := range strings.Lines(table) {
		method, who, _ := strings.Cut(strings.TrimSpace(line), " -> ")
		if !strings.HasPrefix(method, "/jwtrelay.") {
			continue
		}
		_, method, _ = strings.Cut(method[1:], "/")
		if i := indexOf(rows, who); i >= 0 {
			rows[i][1] += ", " + method
		} else {
			rows = append(rows, []string{service, method, who})
		}
	}
	return rows
}

// indexOf is where the rows have that as their last column, or -1.
func indexOf(rows [][]string, who string) int {
	for i, row := range rows {
		if row[len(row)-1] == who {
			return i
		}
	}
	return -1
}
