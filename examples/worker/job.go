package main

import (
	"encoding/binary"

	"github.com/jwtrelay/jwtrelay/token"
)

// Job is work that a user asked for, as a queue keeps it. Whoever reads the
// queue may read all of it, and nobody can change or exchange a part: what is
// sealed then doesn't open any more.
type Job struct {
	ID     string          // unique; the called service knows a job that is repeated by it
	Owner  token.Principal // who asked, so that they can be asked again; nobody acts as them by this
	Task   string          // what to do
	Sealed []byte          // the user's token, see sealer
}

// label is what the sealed token belongs to: all else of the job. Each part
// has its length in front, so that no two jobs have the same label.
func (j Job) label() []byte {
	var label []byte
	for _, part := range []string{j.ID, j.Owner.Issuer, j.Owner.Subject, j.Task} {
		label = binary.AppendUvarint(label, uint64(len(part)))
		label = append(label, part...)
	}
	return label
}
