package state

import "time"

// A pendingWrite is one write on its way from Replace to the commit loop and
// back.
type pendingWrite struct {
	condition  Condition
	version    *Version
	enqueuedAt time.Time
	err        error // set before done is closed
	done       chan struct{}
}

const checkpointFailure = "cannot update " + FileName + " for now, and will try again; the state itself is durable in " + slotsName

// commitLoop commits all pending writes together, again and again until the
// store is closed. While FileName is outdated, it runs a checkpoint every
// Options.CheckpointDelay. No other goroutine changes the state.
func (s *Store) commitLoop(fileOutdated bool) {
	defer close(s.stopped)
	var checkpointTimer <-chan time.Time // nil if no checkpoint is due
	for {
		if fileOutdated && checkpointTimer == nil {
			checkpointTimer = time.After(s.options.CheckpointDelay)
		}
		select {
		case <-checkpointTimer:
			checkpointTimer = nil
			fileOutdated = s.runCheckpoint()
		case w := <-s.queue.Items:
			fileOutdated = s.commitBatch(s.queue.Collect(w, s.closed))
		case <-s.closed:
			s.commitBatch(s.queue.Drain(nil))
			s.closeErr = s.closeStorage()
			return
		}
	}
}

// commitBatch evaluates the writes in their order, makes the last one that is
// accepted durable, shows it to readers, and only then completes any of them. It
// reports whether a checkpoint is due.
func (s *Store) commitBatch(batch []*pendingWrite) (fileOutdated bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.recoverStorage()
	if err == nil {
		last := evaluate(batch, s.Current(), s.storage.sequence)
		if last != s.Current() {
			err = s.persist(last, batch[0].enqueuedAt)
		}
	}
	s.queue.Done()
	for _, w := range batch {
		if err != nil {
			// A refused write fails too: the version that refused it may be one that
			// now does not exist.
			w.err = err
		}
		close(w.done)
	}
	return s.storage.fileOutdated()
}

// evaluate applies the writes, one after the other, to the current version, and
// numbers the new versions from sequence on. It returns the last version, and
// sets the errors of the writes, provided that this version becomes durable.
func evaluate(batch []*pendingWrite, current *Version, sequence uint64) (last *Version) {
	last = current
	now := time.Now()
	for _, w := range batch {
		if w.condition != nil && !w.condition(last) {
			w.err = ErrPrecondition
			continue
		}
		sequence++
		w.version.Modified, w.version.sequence, w.version.First = now, sequence, last == nil
		last = w.version
	}
	return last
}

// persist makes v durable and then the current version.
func (s *Store) persist(v *Version, enqueuedAt time.Time) error {
	synced, err := s.storage.commit(v)
	if err != nil {
		return err
	}
	s.current.Store(v)
	s.options.OnCommit(time.Since(enqueuedAt), synced, len(v.Data))
	return nil
}

// recoverStorage recovers after a failure of the storage, in the same way as
// after a restart of the process.
func (s *Store) recoverStorage() error {
	if s.storage.usable() {
		return nil
	}
	v, err := s.storage.recover()
	if err == nil {
		err = s.storage.failure
	}
	if err != nil {
		return err
	}
	if current := s.Current(); current == nil || v == nil || current.digest != v.digest {
		s.current.Store(v) // equal versions would take up memory twice
	}
	s.options.Log("recovered from a storage failure: writes are accepted again", nil)
	return nil
}

// runCheckpoint copies the current version to FileName. It does nothing after a
// failure of the storage: the next write recovers it, which includes a
// checkpoint. It reports whether another checkpoint is due.
func (s *Store) runCheckpoint() (fileOutdated bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.storage.usable() {
		return false
	}
	err := s.storage.checkpoint(s.Current())
	if err != nil && !s.checkpointFailed {
		s.options.Log(checkpointFailure, err)
	}
	s.checkpointFailed = err != nil
	return s.storage.fileOutdated()
}

// closeStorage brings FileName up to date and releases the directory.
func (s *Store) closeStorage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.storage.close()
	if err := s.recoverStorage(); err != nil {
		return err
	}
	return s.storage.finish(s.Current())
}
