//go:build soak

package keyset_test

import (
	"math/bits"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// soakConfig is that of the remote sets: short times, so that minutes mean
// something.
func soakConfig() keyset.RemoteConfig {
	return keyset.RemoteConfig{
		MinRefreshInterval: 200 * time.Millisecond,
		RefreshInterval:    800 * time.Millisecond,
		DiscoveryInterval:  5 * time.Second, // what moved is found before that
		MaxStale:           longStale,
		MinBackoff:         50 * time.Millisecond,
		MaxBackoff:         500 * time.Millisecond,
		Timeout:            400 * time.Millisecond,
		UnknownBurst:       3,
		UnknownInterval:    500 * time.Millisecond,
		UnknownWait:        2 * time.Second,
	}
}

const (
	longStale     = time.Minute             // MaxStale, longer than any fault
	shortStale    = 1200 * time.Millisecond // MaxStale, shorter than many
	longRefresh   = 2 * time.Second         // RefreshInterval, longer than ids are looked for
	retryAfter    = time.Second             // what an issuer that wants to be left alone says
	fileInterval  = 100 * time.Millisecond
	maxRedirects  = 3                      // that a fetch follows
	slack         = 500 * time.Millisecond // for a machine that is busy
	longestAnswer = 2 * time.Second        // of a set that has nothing to wait for, and does not hang
)

// windows are the times by which a set must have noticed something, as its
// documentation promises. They follow from its configuration.
type windows struct {
	recovered time.Duration // the issuer is well again -> a fetch that began since went well
	learned   time.Duration // a well issuer publishes a key -> it is accepted
	dropped   time.Duration // a well issuer withdraws a key -> it is refused
	doubted   time.Duration // the issuer goes wrong -> of a key that is lacking, the set says that it can't tell
	stale     time.Duration // the issuer goes wrong -> no key is used any more; 0 means never
}

// remoteWindows returns those of a set that discovers its keys or doesn't, and
// that is quiet or else asked for ids that it lacks all the time.
func remoteWindows(c keyset.RemoteConfig, discovers, quiet bool) windows {
	var (
		patience = min(retryAfter, c.RefreshInterval)
		underWay = c.Timeout         // of a fetch that began before, and brings what was so then, or nothing
		located  time.Duration       // until the document is read again
		next     time.Duration       // that a good fetch takes
		asked    = c.UnknownInterval // until somebody causes a fetch
	)
	if discovers {
		underWay += c.Timeout // the document first, then the keys
		located = max(c.MinRefreshInterval, patience)
		next = c.Timeout // the document may be out of order when the keys aren't
	}
	if quiet {
		asked = c.RefreshInterval
	}
	return windows{
		recovered: underWay + located + max(c.MaxBackoff, patience) + next + slack,
		learned:   underWay + asked + next + slack,
		dropped:   underWay + c.RefreshInterval + next + slack,
		doubted:   underWay + asked + underWay + slack,
		stale:     underWay + c.MaxStale + slack,
	}
}

func fileWindows() windows {
	const look = fileInterval + slack
	return windows{recovered: look, learned: look, dropped: look, doubted: look}
}

// fetchBound returns how many fetches a configuration allows in the time that a
// set went through.
func fetchBound(c keyset.RemoteConfig, t tally) int {
	const earliest = 3 // quarters of a RefreshInterval: a refresh is up to a quarter early
	mayGoWell, mayFail := t.well+t.unclear, t.ill+t.unclear
	refreshes := int(4*mayGoWell/(earliest*c.RefreshInterval)) + 1
	unknown := c.UnknownBurst + int(mayGoWell/c.UnknownInterval)
	// A back-off doubles up to the longest, and each is up to a half shorter.
	doublings := bits.Len64(uint64((c.MaxBackoff - 1) / c.MinBackoff)) //nolint:gosec // positive
	retries := int(2 * mayFail / c.MaxBackoff)
	// The fetch that finds the issuer ill, and the one that finds it well.
	atEdges := t.outages * (doublings + 2)
	return refreshes + unknown + retries + atEdges + t.restarts*(1+c.UnknownBurst)
}
