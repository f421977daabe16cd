package api

import (
	"fmt"
	"math/rand/v2"
)

// An ID tells one request from all others in the answer and in the log. It is
// drawn, not counted: a client learns nothing of other clients' requests from
// its own, and no counter is shared between cores. Among a billion requests
// there is one chance in 37 that two have the same.
type ID uint64

// NewID draws an ID.
func NewID() ID { return ID(rand.Uint64()) }

// String implements fmt.Stringer: 16 hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }
