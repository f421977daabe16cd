package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// classify adds the reason that a caller can act on to an error of the storage.
func classify(doing string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // its path is the one that the file had when it was opened
	}
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
