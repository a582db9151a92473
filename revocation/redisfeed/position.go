package redisfeed

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// position is where a reader is: which stream, and which of its items it had last.
type position struct {
	id    id
	epoch string // "" at the beginning
	fresh bool   // whether it has just come here, to the end
}

// String returns what [parsePosition] reads: "1700000000000-0 EPOCH", with a + behind
// the id if the position is fresh.
func (p position) String() string {
	if p.fresh {
		return p.id.String() + "+ " + p.epoch
	}
	return p.id.String() + " " + p.epoch
}

// parsePosition reads a position; "" is the beginning.
func parsePosition(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	item, epoch, _ := strings.Cut(text, " ")
	item, fresh := strings.CutSuffix(item, "+")
	id, err := parseID(item)
	if err != nil || epoch == "" {
		return position{}, errors.New("it was not given by this feed")
	}
	return position{id: id, epoch: epoch, fresh: fresh}, nil
}

// id is that of an item in a stream: the server's time in milliseconds, and a number
// that tells apart those of one millisecond. The zero id is before all others.
type id struct{ ms, seq uint64 }

func parseID(text string) (id, error) {
	ms, seq, _ := strings.Cut(text, "-")
	parsedMS, err := strconv.ParseUint(ms, 10, 64)
	if err != nil {
		return id{}, fmt.Errorf("id %q: %w", text, err)
	}
	parsedSeq, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return id{}, fmt.Errorf("id %q: %w", text, err)
	}
	return id{parsedMS, parsedSeq}, nil
}

func (i id) String() string {
	return strconv.FormatUint(i.ms, 10) + "-" + strconv.FormatUint(i.seq, 10)
}

// before reports whether an item with this id comes before the other.
func (i id) before(other id) bool {
	return cmp.Or(cmp.Compare(i.ms, other.ms), cmp.Compare(i.seq, other.seq)) < 0
}
