package state

import "time"

// maxPatience bounds what a write can lose to others that do not come.
const maxPatience = 2 * time.Millisecond

// run commits what waits, all of it at once, until the queue is closed, and
// brings FileName up to date at most Options.Lag after a commit. It alone
// changes the state.
func (s *Store) run() {
	defer close(s.stopped)
	due := time.NewTimer(0)
	<-due.C
	behind := false
	expected, patience := 0, time.Duration(0)
	for {
		select {
		case <-s.queue.wake:
			s.queue.gather(expected, patience)
			batch, last := s.queue.take()
			start := time.Now()
			s.commit(batch)
			expected, patience = len(batch)+s.queue.length(), min(time.Since(start), maxPatience)
			if last {
				s.closeErr = s.shut()
				return
			}
		case <-due.C:
			behind = false
			s.checkpoint()
		}
		if !behind && s.behind() {
			behind = true
			due.Reset(s.options.CheckpointDelay)
		}
	}
}

func (s *Store) behind() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk.behind()
}

// commit judges the writes in their order, makes the last good one durable,
// shows it to readers, and only then answers any of them.
func (s *Store) commit(batch []*request) {
	if len(batch) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.recover(); err != nil {
		answer(batch, err)
		return
	}
	before := s.Current()
	last, failed := judge(batch, before, s.disk.committed)
	if last != before {
		if err := s.write(last, batch[0].since); err != nil {
			// A refusal may have been for a version that now does not exist.
			answer(batch, err)
			return
		}
	}
	for i, r := range batch {
		if failed[i] {
			r.answer(ErrPrecondition)
		} else {
			r.answer(nil)
		}
	}
}

// judge puts the writes in a row behind current and numbers them on from
// sequence. It returns the version after the last one and which of them have a
// condition that does not hold.
func judge(batch []*request, current *Version, sequence uint64) (last *Version, failed []bool) {
	last, failed = current, make([]bool, len(batch))
	now := time.Now()
	for i, r := range batch {
		if !r.condition.Holds(last) {
			failed[i] = true
			continue
		}
		sequence++
		r.version.Modified, r.version.sequence, r.version.first = now, sequence, last == nil
		last = r.version
	}
	return last, failed
}

func (s *Store) write(v *Version, since time.Time) error {
	synced, err := s.disk.commit(v)
	if err != nil {
		return err
	}
	s.current.Store(v)
	s.options.OnCommit(time.Since(since), synced, len(v.Data))
	return nil
}

func answer(batch []*request, err error) {
	for _, r := range batch {
		r.answer(err)
	}
}

// recover starts over from the disk if a failure made that necessary, as if the
// process had been started again.
func (s *Store) recover() error {
	if s.disk.trusted() {
		return nil
	}
	v, err := s.disk.recover()
	if err != nil {
		return err
	}
	if !s.disk.trusted() {
		return s.disk.trouble
	}
	s.current.Store(v)
	s.options.Log("recovered from a failure of the storage", nil)
	return nil
}

// checkpoint leaves a store that has failed alone: the next write recovers it,
// and that includes a checkpoint.
func (s *Store) checkpoint() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.disk.trusted() {
		return
	}
	err := s.disk.checkpoint(s.Current())
	if err != nil && !s.lagging {
		s.options.Log(FileName+" cannot be brought up to date for now; the state itself is safe", err)
	}
	s.lagging = err != nil
}

// shut leaves the directory as a clean stop should.
func (s *Store) shut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.disk.close()
	if err := s.recover(); err != nil {
		return err
	}
	if err := s.disk.check(); err != nil {
		return err
	}
	return s.disk.checkpoint(s.Current())
}
