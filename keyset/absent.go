package keyset

import (
	"hash/maphash"
	"time"
)

// The bounds of the memory of absent ids.
const (
	maxAbsent       = 1024             // ids
	maxAbsentPeriod = 30 * time.Second // for which one is believed to be absent still
)

// absent remembers the ids that the issuer was just asked for and did not have,
// so that a client which keeps sending one does not spend the budget of all. An
// id that stays away is asked for ever less often, down to twice a minute.
//
// It keeps hashes, as ids are a stranger's words and may be long, and the last
// thousand or so. It is not safe for concurrent use.
type absent struct {
	period      time.Duration // for which an id is absent the first time
	seed        maphash.Seed
	young, aged map[uint64]absence // aged is what young was when it was full
}

// absence is what is known of one id.
type absence struct {
	attempt *attempt // that showed it
	period  time.Duration
	until   time.Time
}

func newAbsent(period time.Duration) absent {
	return absent{period: period, seed: maphash.MakeSeed(), young: make(map[uint64]absence)}
}

// has reports whether id is known to be absent.
func (a *absent) has(id string, now time.Time) bool { return now.Before(a.of(id).until) }

// add notes that attempt did not bring id. Many may say so of one attempt.
func (a *absent) add(id string, attempt *attempt, now time.Time) {
	known := a.of(id)
	if known.attempt == attempt {
		return
	}
	period := min(2*known.period, max(maxAbsentPeriod, a.period))
	if known.attempt == nil {
		period = a.period
	}
	if len(a.young) >= maxAbsent/2 {
		a.aged, a.young = a.young, make(map[uint64]absence)
	}
	a.young[a.hash(id)] = absence{attempt: attempt, period: period, until: now.Add(period)}
}

// of returns what is known of id; the zero value if nothing is.
func (a *absent) of(id string) absence {
	hash := a.hash(id)
	if known, ok := a.young[hash]; ok {
		return known
	}
	return a.aged[hash]
}

func (a *absent) hash(id string) uint64 { return maphash.String(a.seed, id) }
