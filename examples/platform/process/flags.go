package process

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
)

// UsageError is a mistake in the way a role was called.
type UsageError struct{ Err error }

// Error says on one line what to mend.
func (e *UsageError) Error() string { return strings.Join(strings.Fields(e.Err.Error()), " ") }

// Unwrap returns the mistake.
func (e *UsageError) Unwrap() error { return e.Err }

// Usage returns a [UsageError].
func Usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Flags are the flags of a role.
type Flags struct {
	*flag.FlagSet
	required []string
}

// NewFlags returns flags for a role; summary says what the role is.
func NewFlags(role, summary string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet("platform "+role, flag.ContinueOnError)}
	f.Usage = func() {
		_, _ = fmt.Fprintf(f.Output(), "platform %s: %s\n\nflags:\n", role, summary)
		f.PrintDefaults()
	}
	return f
}

// Required defines a string flag that must be given.
func (f *Flags) Required(p *string, name, usage string) {
	f.StringVar(p, name, "", usage+" (required)")
	f.required = append(f.required, name)
}

// Parse reads the flags of env. After -h the error is [flag.ErrHelp] and stdout
// has the usage; else an error is a [UsageError].
func (f *Flags) Parse(env Env) error {
	f.SetOutput(io.Discard) // one clear line, not the whole usage
	if err := f.FlagSet.Parse(env.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(env.Stdout)
			f.Usage()
			return err
		}
		return &UsageError{err}
	}
	if f.NArg() > 0 {
		return Usage("unexpected argument %q", f.Arg(0))
	}
	for _, name := range f.required {
		if f.Lookup(name).Value.String() == "" {
			return Usage("-%s is required", name)
		}
	}
	return nil
}

// CheckAddr returns a [UsageError] unless the flag's value is host:port.
func CheckAddr(name, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return Usage("-%s: %w", name, err)
	}
	return nil
}
