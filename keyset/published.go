package keyset

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// published is the snapshot that the readers of a changing set see. One
// goroutine publishes; any number reads, without a lock.
type published struct {
	snapshot atomic.Pointer[snapshot]
	logger   *slog.Logger

	warned map[string]bool // the skipped keys that were warned about; the publisher's own
}

// The bounds of what one set may write to the log and keep in memory for it.
const (
	maxWarned = 64
	maxListed = 16
)

// load returns what was published last, nil if nothing was.
func (p *published) load() *snapshot { return p.snapshot.Load() }

// publish replaces the keys. A set that is as before stays, so that its keys
// remain the same objects.
func (p *published) publish(ctx context.Context, next *snapshot, skipped []Skipped) {
	p.warn(ctx, skipped)
	if next.equal(p.load()) {
		return
	}
	p.snapshot.Store(next)
	p.logger.LogAttrs(ctx, slog.LevelInfo, "keyset: keys in use changed",
		slog.Int("count", len(next.keys)), slog.Any("keys", listed(next.keys)))
}

// warn logs the skipped keys that it did not log before. A set of nothing but
// rubbish is cut short, and its memory is given up when it is full.
func (p *published) warn(ctx context.Context, skipped []Skipped) {
	if len(p.warned) > maxWarned || p.warned == nil {
		p.warned = make(map[string]bool)
	}
	for i, s := range skipped {
		if i == maxListed {
			p.warnOnce(ctx, "keyset: more keys are left out", slog.Int("skipped", len(skipped)))
			return
		}
		p.warnOnce(ctx, "keyset: key left out", slog.String("kid", clip(s.ID)), slog.String("error", s.Err.Error()))
	}
}

func (p *published) warnOnce(ctx context.Context, message string, attrs ...slog.Attr) {
	id := slog.GroupValue(attrs...).String()
	if p.warned[id] {
		return
	}
	p.warned[id] = true
	p.logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

// listed names the first few keys.
func listed(keys []*Key) []string {
	names := make([]string, 0, maxListed)
	for _, key := range keys[:min(len(keys), maxListed)] {
		names = append(names, key.String())
	}
	return names
}
