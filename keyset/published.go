package keyset

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// published is the snapshot that the readers of a changing set see. Any number
// reads, without a lock.
type published struct {
	current atomic.Pointer[Snapshot]
	logger  *slog.Logger
	maxAge  time.Duration // after which keys that weren't confirmed are too old; 0 means never

	mu         sync.Mutex // held by whoever publishes
	latest     *index     // what the source has, distrusted keys included
	distrusted map[string]bool
	warned     map[string]bool // the skipped keys that were warned about
	warnedFrom time.Time       // since when
}

// The bounds of what one set may write to the log and keep in memory for it.
const (
	maxWarned    = 64
	maxListed    = 16
	warnedPeriod = time.Hour // after which a full memory is given up
)

// load returns what was published last, nil if nothing was.
func (p *published) load() *Snapshot { return p.current.Load() }

// publish replaces the keys by those that the source had at the given time, and
// reports whether that changed any. Keys that were there before remain the same
// objects.
func (p *published) publish(ctx context.Context, next *index, skipped []Skipped, at time.Time) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warn(ctx, skipped, at)
	p.latest = next
	return p.show(ctx, at)
}

// confirm says that the source still had the keys at the given time.
func (p *published) confirm(ctx context.Context, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.show(ctx, at)
}

// distrust drops the keys with the given thumbprints, now and for good.
func (p *published) distrust(ctx context.Context, thumbprints []string) error {
	if err := checkThumbprints(thumbprints); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.distrusted == nil {
		p.distrusted = make(map[string]bool)
	}
	for _, thumbprint := range thumbprints {
		p.distrusted[thumbprint] = true
	}
	p.logger.LogAttrs(ctx, slog.LevelWarn, "keyset: keys distrusted", slog.Any("thumbprints", thumbprints))
	if current := p.load(); current != nil {
		p.show(ctx, current.confirmed)
	}
	return nil
}

// show makes the trusted keys of latest the current ones. It needs the lock.
func (p *published) show(ctx context.Context, at time.Time) (changed bool) {
	next := &Snapshot{index: p.latest.trusting(p.distrusted), confirmed: at}
	if p.maxAge > 0 {
		next.validUntil = at.Add(p.maxAge)
	}
	changed = true
	if current := p.load(); current != nil {
		next.index = next.index.keeping(current.index)
		next.generation = current.generation
		changed = next.index != current.index
	}
	if changed {
		next.generation++
		p.logger.LogAttrs(ctx, slog.LevelInfo, "keyset: keys in use changed", slog.Uint64("generation", next.generation),
			slog.Int("count", len(next.index.keys)), slog.Any("keys", listed(next.index.keys)))
		if err := next.index.checkChoice(); err != nil {
			p.logger.LogAttrs(ctx, slog.LevelWarn, "keyset: tokens can't say which key they need", slog.Any("error", err))
		}
	}
	p.current.Store(next)
	return changed
}

// warn logs the skipped keys that it did not log before. A set of nothing but
// rubbish is cut short, and one whose rubbish is new each time fills no log: when
// the memory is full, there is nothing more to say for a while.
func (p *published) warn(ctx context.Context, skipped []Skipped, at time.Time) {
	if p.warned == nil || len(p.warned) >= maxWarned && at.Sub(p.warnedFrom) >= warnedPeriod {
		p.warned, p.warnedFrom = make(map[string]bool), at
	}
	for i, s := range skipped {
		if i == maxListed {
			p.warnOnce(ctx, "keyset: more keys are left out", slog.Int("skipped", len(skipped)))
			return
		}
		p.warnOnce(ctx, "keyset: key left out",
			slog.Int("index", s.Index), slog.String("kid", clip(s.ID)), slog.String("error", s.Err.Error()))
	}
}

func (p *published) warnOnce(ctx context.Context, message string, attrs ...slog.Attr) {
	id := slog.GroupValue(attrs...).String()
	if p.warned[id] || len(p.warned) >= maxWarned {
		return
	}
	p.warned[id] = true
	p.logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

// listed names the first few keys, the public ones with their thumbprints.
func listed(keys []*Key) []string {
	names := make([]string, 0, maxListed)
	for _, key := range keys[:min(len(keys), maxListed)] {
		name := key.String()
		if key.public != nil { // that of a secret is a hash of it
			name += " " + key.thumbprint
		}
		names = append(names, name)
	}
	return names
}
