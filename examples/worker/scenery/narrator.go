package scenery

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// ErrFailed says that something told did not hold.
var ErrFailed = errors.New("not everything was as it should be")

// Narrator tells what happens, and checks it. What it can't write, nobody
// wanted to read.
type Narrator struct {
	w      io.Writer
	scenes int
	failed bool
}

// NewNarrator returns a narrator that writes to w.
func NewNarrator(w io.Writer) *Narrator { return &Narrator{w: w} }

// Line writes a line.
func (n *Narrator) Line(format string, args ...any) { _, _ = fmt.Fprintf(n.w, format+"\n", args...) }

// Scene begins a scene.
func (n *Narrator) Scene(title string) {
	n.scenes++
	n.Line("\n%d. %s", n.scenes, title)
}

// Say writes a line of a scene.
func (n *Narrator) Say(format string, args ...any) { n.Line("   "+format, args...) }

// Check writes what should hold, and whether it does.
func (n *Narrator) Check(holds bool, format string, args ...any) {
	verdict := "ok    "
	if !holds {
		verdict = "FAILED"
		n.failed = true
	}
	n.Say(verdict+"  "+format, args...)
}

// Table writes rows in columns, the first being the heads of them.
func (n *Narrator) Table(rows ...[]string) {
	table := tabwriter.NewWriter(n.w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintf(table, "     %s\n", strings.Join(row, "\t"))
	}
	_ = table.Flush()
}

// End tells how it ended. The error is [ErrFailed] if err is not nil, or if
// anything checked did not hold.
func (n *Narrator) End(err error) error {
	if err != nil {
		n.Check(false, "%v", err)
	}
	if n.failed {
		return ErrFailed
	}
	n.Line("\nAll of it was as it says.")
	return nil
}
