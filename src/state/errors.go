package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Errors that callers can act on. A call that returns one of them, other than
// ErrUnknownOutcome, has not changed the state. A Store of this package returns
// neither ErrUnavailable nor ErrUnknownOutcome; one over a network does.
var (
	ErrPrecondition = errors.New("precondition failed: the current version does not satisfy If-Match or If-None-Match")
	ErrNoSpace      = errors.New("no space left to store the state")
	ErrReadOnly     = errors.New("the state directory is on a read-only file system")
	ErrChanged      = errors.New("the state directory was changed by another program")
	ErrFailed       = errors.New("storage failure")
	ErrInUse        = errors.New("the state directory is in use by another process")
	ErrOwner        = errors.New("the state belongs to another user")
	ErrClosed       = errors.New("the state store is closed")
	// ErrUnavailable is for a store that cannot be reached now.
	ErrUnavailable = errors.New("the state store is unavailable")
	// ErrUnknownOutcome is for a write that may have happened, or happen later.
	ErrUnknownOutcome = errors.New("it is unknown whether the state was replaced")
)

// classify wraps an error of the file system, if it is one, in the error of this
// package that tells the caller what to do. The operation names the call and the
// file.
func classify(operation string, err error) error {
	if err == nil {
		return nil
	}
	// The path in a PathError is the one that the file had when it was opened,
	// which a rename may have changed since.
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	category := ErrFailed
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		category = ErrNoSpace
	case errors.Is(err, syscall.EROFS):
		category = ErrReadOnly
	case errors.Is(err, syscall.ENOTEMPTY): // a directory has the name of a file
		category = ErrChanged
	}
	return fmt.Errorf("%w: %s: %w", category, operation, err)
}

func changedError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrChanged, fmt.Sprintf(format, args...))
}
