package api

import (
	"fmt"
	"math/rand/v2"
)

// An ID identifies a request in the response and in the log. It is random: a
// client learns nothing of other clients' requests from its own, and no counter
// is shared between cores. Among a billion requests the chance that two have the
// same is one in 37.
type ID uint64

// NewID returns a random ID.
func NewID() ID { return ID(rand.Uint64()) }

// String returns 16 hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }
