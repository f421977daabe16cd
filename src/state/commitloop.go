package state

import "time"

const checkpointFailure = "cannot update " + FileName + " for now, and will try again; the state itself is durable in " + slotsName

// commitLoop commits all pending writes together, again and again until the
// queue is closed, and starts a checkpoint at most Options.CheckpointDelay after
// a commit. No other goroutine changes the state.
func (s *Store) commitLoop() {
	defer close(s.stopped)
	var checkpointTimer <-chan time.Time // nil if no checkpoint is due
	expectedWrites, commitTime := 0, time.Duration(0)
	for {
		select {
		case <-s.queue.wake:
			s.queue.waitForBatch(expectedWrites, commitTime)
			batch, last := s.queue.takeBatch()
			if len(batch) > 0 {
				start := time.Now()
				s.commitBatch(batch)
				expectedWrites = len(batch) + s.queue.length()
				commitTime = time.Since(start)
			}
			if last {
				s.closeErr = s.closeStorage()
				return
			}
		case <-checkpointTimer:
			checkpointTimer = nil
			s.runCheckpoint()
		}
		if checkpointTimer == nil && s.checkpointDue() {
			checkpointTimer = time.After(s.options.CheckpointDelay)
		}
	}
}

// commitBatch evaluates the writes in their order, makes the last one that is
// accepted durable, shows it to readers, and only then completes any of them.
func (s *Store) commitBatch(batch []*pendingWrite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.recoverStorage(); err != nil {
		completeAll(batch, err)
		return
	}
	before := s.Current()
	last, results := evaluate(batch, before, s.storage.sequence)
	if last != before {
		if err := s.persist(last, batch[0].enqueuedAt); err != nil {
			// This includes the refused writes: the version that refused them
			// may be one that now does not exist.
			completeAll(batch, err)
			return
		}
	}
	for i, w := range batch {
		w.complete(results[i])
	}
}

// evaluate applies the writes, one after the other, to the current version, and
// numbers the new versions from sequence on. It returns the last version and the
// result of each write, provided that the last version becomes durable.
func evaluate(batch []*pendingWrite, current *Version, sequence uint64) (last *Version, results []error) {
	last, results = current, make([]error, len(batch))
	now := time.Now()
	for i, w := range batch {
		if !w.condition.Holds(last) {
			results[i] = ErrPrecondition
			continue
		}
		sequence++
		w.version.Modified, w.version.sequence, w.version.first = now, sequence, last == nil
		last = w.version
	}
	return last, results
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
	if err != nil {
		return err
	}
	if !s.storage.usable() {
		return s.storage.failure
	}
	s.current.Store(v)
	s.options.Log("recovered from a storage failure: writes are accepted again", nil)
	return nil
}

func (s *Store) checkpointDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage.fileOutdated()
}

// runCheckpoint copies the current version to FileName. It does nothing after a
// failure of the storage: the next write recovers it, which includes a
// checkpoint.
func (s *Store) runCheckpoint() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.storage.usable() {
		return
	}
	err := s.storage.checkpoint(s.Current())
	if err != nil && !s.checkpointFailed {
		s.options.Log(checkpointFailure, err)
	}
	s.checkpointFailed = err != nil
}

// closeStorage brings FileName up to date and releases the directory.
func (s *Store) closeStorage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.storage.close()
	if err := s.recoverStorage(); err != nil {
		return err
	}
	if err := s.storage.check(); err != nil {
		return err
	}
	return s.storage.checkpoint(s.Current())
}
