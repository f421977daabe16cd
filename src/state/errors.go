package state

import (
	"errors"
	"fmt"
	"syscall"
)

// classify adds the reason that a caller can act on to an error of the storage.
func classify(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", reason(err), doing, err)
}

func reason(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrNoSpace
	case errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	return ErrFailed
}

func changed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrChanged, fmt.Sprintf(format, args...))
}
