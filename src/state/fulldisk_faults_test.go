//go:build faults

package state

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// wantErrNoSpace expects a write to be refused without a change.
func wantErrNoSpace(t *testing.T, s *Store, data string) {
	t.Helper()
	before := s.Current()
	_, err := s.Replace(context.Background(), nil, []byte(data))
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("%d bytes on a full disk: %v", len(data), err)
	}
	if s.Current() != before {
		t.Error("a refused write has changed the state")
	}
}

// TestFullDisk fills the disk. A write that needs space is refused, a write that fits a
// slot succeeds where the file system writes in place, and a store that is opened serves
// the state. Writes succeed again once there is free space.
func TestFullDisk(t *testing.T) {
	for kind, writesInPlace := range map[string]bool{"tmpfs": true, "ext4": true, "xfs": true, "btrfs": false} {
		t.Run(kind, func(t *testing.T) {
			dir := ""
			if kind == "tmpfs" {
				dir = mountTmpfs(t, "2m")
			} else {
				dir = newVolume(t, kind).stateDirectory(t)
			}
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			replace(t, s, nil, "before")
			freeSpace := fillDisk(t, filepath.Dir(dir))
			wantErrNoSpace(t, s, largeState("x"))
			state := "before"
			_, err := s.Replace(context.Background(), nil, []byte("small"))
			switch {
			case err == nil:
				state = "small"
			case writesInPlace || !errors.Is(err, ErrNoSpace):
				t.Errorf("small write: %v", err)
			}
			wantState(t, s, state)
			crash(t, s)

			s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			wantState(t, s, state)
			if err := s.Check(t.Context()); err != nil {
				wantErrNoSpace(t, s, "refused")
			}
			freeSpace()
			replace(t, s, nil, largeState("y"))
			replace(t, s, nil, "after")
			closeStore(t, s)
			wantFile(t, dir, "after")
		})
	}
}

func TestQuota(t *testing.T) {
	v := newVolume(t, "btrfs")
	dir := filepath.Join(v.mountPoint, "state")
	runCommand(t, "btrfs", "quota", "enable", v.mountPoint)
	runCommand(t, "btrfs", "subvolume", "create", dir)
	runCommand(t, "btrfs", "qgroup", "limit", "4M", dir)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "before")
	freeSpace := fillDisk(t, dir)
	_, err := s.Replace(context.Background(), nil, []byte(largeState("x")))
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "before")
	freeSpace()
	replace(t, s, nil, largeState("y"))
	closeStore(t, s)
	wantFile(t, dir, largeState("y"))
}
