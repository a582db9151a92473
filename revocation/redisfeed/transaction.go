package redisfeed

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// transact runs commands at one moment, all or none. A value that is not there is no
// error; whoever asks for one finds it empty.
func (f *Feed) transact(ctx context.Context, commands func(redis.Pipeliner)) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	done, err := f.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		commands(tx)
		return nil
	})
	if err == nil {
		return nil
	}
	for _, command := range done { // EXEC only says that there was a reason
		if reason := command.Err(); reason != nil && !errors.Is(reason, redis.Nil) && !redis.HasErrorPrefix(reason, "EXECABORT") {
			return reason
		}
	}
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
