// Package state stores one value, the state, durably in a directory.
//
// It is for a value of some megabytes that is read from memory, and whose writes
// must survive a crash of the process and of the machine. It is not for several
// values, for a history of versions, or for several processes at once.
//
// Read store.go first. A write goes through package batch and commitloop.go to
// storage.go. FORMAT.md describes the files and the order of writes.
//
// # Guarantees
//
//   - A write for which Replace has returned no error is on stable storage.
//   - A write for which Replace has not returned, or has returned an error, has
//     happened as a whole or not at all. It has not happened if the error is
//     ErrPrecondition, ErrClosed or that of the context.
//   - Current returns whole versions that are on stable storage, in the order in
//     which their writes were committed.
//   - Open recovers from every crash without help. It returns ErrChanged for
//     files that no crash leaves behind.
//   - After Close, and after Open has recovered, the file FileName holds the
//     current version and nothing else. While the store is open, FileName is
//     updated at most Options.CheckpointDelay after a write.
//
// Pending writes are committed together, and only the last of them is written to
// the disk: the others have happened too, and were replaced at once.
//
// # Assumptions
//
//   - When fdatasync(2) or fsync(2) returns 0 the data are on stable storage and
//     the volatile cache of the disk is flushed, as ext4, XFS and btrfs do.
//   - A file's name is durable after fsync of its directory (fsync(2), NOTES).
//   - rename(2) replaces a name atomically, also in a crash: by the journals of
//     ext4 and XFS and the transactions of btrfs.
//   - Nothing is assumed about the atomicity of write(2) or of a sector, or about
//     the order in which unsynced writes reach the disk.
//   - The kernel reports the error of a failed fsync once, and the pages are
//     clean afterwards (fsync(2), ERRORS). A sync is therefore never repeated:
//     after a failure the store recovers what was durable before into a new file
//     of slots, and accepts the next write after that.
//   - flock(2) on the directory keeps a second process out.
//   - Versions are ordered by a counter and never by the clock.
package state
