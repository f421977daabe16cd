package service

import (
	"strings"
	"testing"
	"time"

	"foobar/src/logging"
)

func TestJournalTakesTheWholeLog(t *testing.T) {
	i := newInstance(t, "log: {level: warn, access: true}")
	i.withJournal()
	i.run()
	i.message("READY=1")
	resp, _ := i.do(i.client(false), "POST", "hello")
	i.journalSocket.SetReadDeadline(time.Now().Add(testTimeout))
	b := make([]byte, 64<<10)
	n := must[int](t)(i.journalSocket.Read(b)) // the first, as the level is warn
	for _, want := range []string{
		"MESSAGE=POST /: 200, 2 bytes in ", "\nPRIORITY=6\n", "\nFOOBAR_REQUEST_ID=" + resp.Header.Get("X-Request-Id") + "\n",
		"\nFOOBAR_STATUS=200\n", "\nFOOBAR_LISTENER=https\n",
	} {
		if !strings.Contains(string(b[:n]), want) {
			t.Errorf("no %q in the entry\n%s", want, b[:n])
		}
	}

	i.write("conf.yaml", "log: {}\naccess: {read: all}\n")
	i.reloaded()
	entry := i.entry(logging.ReloadRejected)
	for _, want := range []string{"MESSAGE=reload rejected (foobar status shows it, systemctl reload does not), keeping the current configuration and credentials: " + i.dir + "/conf.yaml:2:16: ", "\nPRIORITY=3\n", "\nFOOBAR_ERROR=" + i.dir} {
		if !strings.Contains(entry, want) {
			t.Errorf("no %q in the entry\n%s", want, entry)
		}
	}
	i.end()
	if log := i.log(); log != "" {
		t.Errorf("on standard error:\n%s", log)
	}
}

// TestClusterIsNotUsed keeps the disk store where the program that can reach the
// cluster was removed.
func TestClusterIsNotUsed(t *testing.T) {
	i := newInstance(t, "cluster: {endpoints: [10.0.0.1:2379]}")
	i.withJournal()
	i.run()
	if entry := i.entry(logging.ClusterUnused); !strings.Contains(entry, "install foobar-etcd") || !strings.Contains(entry, "\nPRIORITY=4\n") {
		t.Errorf("the entry is\n%s", entry)
	}
	if resp, _ := i.do(i.client(false), "POST", "hello"); resp.StatusCode != 200 || i.read("data/slots") == "" {
		t.Errorf("status %d", resp.StatusCode)
	}
}
