// Package state keeps one durable value in a directory.
//
// # Contract
//
//   - A write that Replace has answered with a version is on stable storage.
//   - A write that it has not answered, or has answered with an error, has
//     happened whole or not at all. It has not happened, for sure, if the error
//     is ErrPrecondition, ErrTooLarge or the context's.
//   - Current returns whole versions only, in the order in which they were
//     answered, and none that is not on stable storage.
//   - Open recovers by itself from every crash. It refuses, with ErrChanged,
//     what no crash leaves behind.
//   - After Close, and after Open has recovered, the file FileName holds the raw
//     current version. In between it is at most Options.Lag behind.
//
// # How
//
// Two preallocated slots in one file take the versions in turn (FORMAT.md has
// the layout). A record is written over the older one and made durable by
// fdatasync(2) before it is answered, so the newest answered version is never
// overwritten. Checksums tell a whole record from a torn one. Soon after, the
// version is copied to FileName by way of a temporary file, fsync(2), rename(2)
// and fsync of the directory. A version too large for a slot is written to the
// temporary file first, the record that commits it holds its SHA-256 only, and
// the rename follows.
//
// Writers that wait while a commit is under way are made durable together by
// the next one. Only the last of them reaches the disk; the others have happened
// and were replaced at once.
//
// # What it rests on
//
//   - fdatasync(2), fsync(2): data are on stable storage when the call returns
//     0, a volatile cache in the disk flushed. ext4 and XFS do that with a cache
//     flush or FUA writes (barriers, always on), btrfs by its log tree.
//   - A file's name is durable after fsync of its directory (fsync(2), NOTES).
//   - rename(2) replaces a name atomically, also across a crash, in the journals
//     of ext4 and XFS and in the transactions of btrfs.
//   - Nothing is assumed about the atomicity of write(2), of a page or of a
//     sector, nor about the order in which unsynced writes reach the disk.
//   - The error of a failed fsync is reported once and the pages it was about
//     are clean afterwards (fsync(2), ERRORS). So no sync is ever tried again:
//     after a failure the slots are left behind, and the store recovers into a
//     file of its own from what was durable before it takes the next write.
//   - flock(2) on the directory keeps a second process out.
//   - The order of versions comes from a counter, never from the clock.
package state
