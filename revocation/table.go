package revocation

import (
	"hash/maphash"
	"sync/atomic"
)

// key is what a token and an entry have in common.
type key struct {
	issuer string
	value  string
}

// record is an entry in a table.
type record struct {
	key    key
	hash   uint64
	before atomic.Int64 // tokens issued in an earlier second match

	// The rest belongs to who writes.
	kind     kind
	at       int64
	expiry   int64
	forgetAt int64 // seconds since 1970
}

// removed is in the place of a record that is gone. It matches nothing.
var removed = new(record) //nolint:gochecknoglobals // a value like any sentinel

// minSlots is the size of the smallest table.
const minSlots = 16

// table finds records by key. One goroutine at a time may change it, while any
// number look up. It is open addressing with linear probing: a slot that was taken
// is never free again in the same array, so who looks for a record that stays
// always comes by it.
type table struct {
	slots atomic.Pointer[[]atomic.Pointer[record]] // a power of 2; nil while nothing was added
	live  atomic.Int64                             // records
	taken int                                      // slots that hold a record, or held one
}

// find returns the record of a key, nil if there is none.
func (t *table) find(k key, hash uint64) *record {
	slots := t.slots.Load()
	if slots == nil {
		return nil
	}
	mask := maskOf(*slots)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch r := (*slots)[i].Load(); {
		case r == nil:
			return nil
		case r.hash == hash && r.key == k && r != removed:
			return r
		}
	}
}

// add adds a record whose key is not in the table.
func (t *table) add(r *record) {
	if slots := t.slots.Load(); slots == nil || (t.taken+1)*4 > len(*slots)*3 {
		t.resize(int(t.live.Load()) + 1)
	}
	if place(*t.slots.Load(), r) {
		t.taken++
	}
	t.live.Add(1)
}

// remove removes a record of the table.
func (t *table) remove(r *record) {
	slots := *t.slots.Load()
	mask := maskOf(slots)
	i := r.hash & mask
	for slots[i].Load() != r {
		i = (i + 1) & mask
	}
	slots[i].Store(removed)
	live := int(t.live.Add(-1))
	if len(slots) > minSlots && live*8 < len(slots) {
		t.resize(live)
	}
}

// resize makes room for n records, a half more at least.
func (t *table) resize(n int) {
	size := minSlots
	for size < 2*n {
		size *= 2
	}
	slots := make([]atomic.Pointer[record], size)
	t.taken = 0
	for r := range t.all {
		place(slots, r)
		t.taken++
	}
	t.slots.Store(&slots)
}

// place puts a record where it is looked for, and reports whether the slot was
// free before.
func place(slots []atomic.Pointer[record], r *record) bool {
	mask := maskOf(slots)
	for i := r.hash & mask; ; i = (i + 1) & mask {
		switch slots[i].Load() {
		case nil:
			slots[i].Store(r)
			return true
		case removed:
			slots[i].Store(r)
			return false
		}
	}
}

// maskOf returns what cuts a hash down to the number of a slot.
func maskOf(slots []atomic.Pointer[record]) uint64 {
	return uint64(len(slots) - 1) //nolint:gosec // there are some
}

// all goes through the records.
func (t *table) all(yield func(*record) bool) {
	slots := t.slots.Load()
	if slots == nil {
		return
	}
	for i := range *slots {
		if r := (*slots)[i].Load(); r != nil && r != removed && !yield(r) {
			return
		}
	}
}

// hasher gives keys their places. Nobody outside can know the seed, so nobody can
// choose keys that meet.
type hasher struct{ seed maphash.Seed }

// hash returns the hash of a key, given that of its issuer.
func (h hasher) hash(ofIssuer uint64, value string) uint64 {
	return ofIssuer*0x9E3779B97F4A7C15 ^ maphash.String(h.seed, value)
}

func (h hasher) issuer(issuer string) uint64 { return maphash.String(h.seed, issuer) }
