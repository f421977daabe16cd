package adminclient

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// printing replaces a command of systemd by one that prints text.
func printing(t *testing.T, name, text string, status int) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s' '%s'\nexit %d\n", text, status)
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestMemoryMax(t *testing.T) {
	for _, test := range []struct {
		text   string
		status int
		want   int64
	}{
		{"EffectiveMemoryMax=536870912\nLoadState=loaded\n", 0, 512 << 20},
		{"EffectiveMemoryMax=infinity\nLoadState=loaded\n", 0, 0},
		{"EffectiveMemoryMax=536870912\nLoadState=not-found\n", 0, 0},
		{"LoadState=loaded\n", 0, 0},
		{"EffectiveMemoryMax=536870912\nLoadState=loaded\n", 1, 0},
		{"System has not been booted with systemd as init system\n", 0, 0},
	} {
		printing(t, "systemctl", test.text, test.status)
		if got := MemoryMax("foobar.service"); got != test.want {
			t.Errorf("%q, exit status %d: %d, want %d", test.text, test.status, got, test.want)
		}
	}
}

func TestExposure(t *testing.T) {
	printing(t, "systemd-analyze", "→ Overall exposure level for foobar.service: 0.1 SAFE 😀\n", 0)
	if got := Exposure("foobar.service"); got != "0.1 SAFE" {
		t.Errorf("%q", got)
	}
	printing(t, "other", "", 0)
	if got := Exposure("foobar.service"); got != "" {
		t.Errorf("without systemd-analyze: %q", got)
	}
}
