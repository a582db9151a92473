package demo

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// narrator tells what happens. What it can't write, nobody wanted to read.
type narrator struct {
	w      io.Writer
	scenes int
}

// line writes a line.
func (n *narrator) line(format string, args ...any) { _, _ = fmt.Fprintf(n.w, format+"\n", args...) }

// scene begins a scene.
func (n *narrator) scene(title string) {
	n.scenes++
	n.line("\n%d. %s", n.scenes, title)
}

// say writes a line of a scene.
func (n *narrator) say(format string, args ...any) { n.line("   "+format, args...) }

// ok writes what was checked, and held.
func (n *narrator) ok(format string, args ...any) { n.say("ok    "+format, args...) }

// table writes rows in columns, the first being the heads of them.
func (n *narrator) table(rows ...[]string) {
	n.line("")
	table := tabwriter.NewWriter(n.w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintf(table, "     %s\n", strings.Join(row, "\t"))
	}
	_ = table.Flush()
	n.line("")
}

// failed writes what did not hold.
func (n *narrator) failed(err error) {
	var m *mismatch
	if r := refusalOf(err); r.hop != unnamed && !errors.As(err, &m) {
		m = &mismatch{what: "a call that should go through", want: "an answer", got: r.String()}
	}
	if m == nil && !errors.As(err, &m) {
		n.say("FAILED  %v", err)
		return
	}
	n.say("FAILED  %s", m.what)
	n.say("        expected  %s", m.want)
	n.say("        got       %s", m.got)
}

// human is a duration in the unit that suits it.
func human(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// euros is an amount of euro cents.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }

// shortMethod is a full method name without its package.
func shortMethod(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }
