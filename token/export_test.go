package token

import "context"

// TakeSlot takes one of the turns that [MaxConcurrentVerifications] limits.
func (v *Verifier) TakeSlot() (free func()) {
	if err := v.slots.take(context.Background()); err != nil {
		panic(err)
	}
	return v.slots.free
}
