package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"foobar/src/logging"
)

func TestJournalTakesAllThatIsSaid(t *testing.T) {
	p := prepare(t, "log: {level: warn, access: true}")
	p.withJournal()
	p.spawn()
	p.message("READY=1")
	resp, _ := p.do(p.client(false), "POST", "hello")
	p.journal.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 64<<10)
	n := must[int](t)(p.journal.Read(b)) // the first, as the level is warn
	for _, want := range []string{
		"MESSAGE=POST /: 200, 2 bytes in ", "\nPRIORITY=6\n", "\nFOOBAR_REQUEST_ID=" + resp.Header.Get("X-Request-Id") + "\n",
		"\nFOOBAR_STATUS=200\n", "\nFOOBAR_LISTENER=https\n",
	} {
		if !strings.Contains(string(b[:n]), want) {
			t.Errorf("no %q in the entry\n%s", want, b[:n])
		}
	}

	p.write("conf.yaml", "log: {}\naccess: {read: all}\n")
	p.signal(syscall.SIGHUP)
	p.message("REJECTED")
	entry := p.entry(logging.ReloadRefused)
	for _, want := range []string{"MESSAGE=reload rejected, keeping the current configuration and credentials: " + p.dir + "/conf.yaml:2:16: ", "\nPRIORITY=3\n", "\nFOOBAR_ERROR=" + p.dir} {
		if !strings.Contains(entry, want) {
			t.Errorf("no %q in the entry\n%s", want, entry)
		}
	}
	p.signal(syscall.SIGTERM)
	p.exit()
	if said := p.log.String(); said != "" {
		t.Errorf("on standard error:\n%s", said)
	}
}

func TestJournalSaysWhyTheServiceDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*process)
		env    string
		want   logging.Event
	}{
		"conf.yaml":      {func(p *process) { p.write("conf.yaml", "log: {levle: info}") }, "", logging.WrongConfiguration},
		"unknown socket": {func(*process) {}, "LISTEN_FDNAMES=http:metrics:admin:notify:journal", logging.WrongConfiguration},
		"state":          {func(p *process) { p.write("data/slots", "damaged") }, "", logging.StateChanged},
	} {
		t.Run(name, func(t *testing.T) {
			p := prepare(t, "")
			p.withJournal()
			c.damage(p)
			p.spawn(c.env)
			if code := p.exit(); code != 78 {
				t.Errorf("exit status %d", code)
			}
			if entry := p.entry(c.want); !strings.HasPrefix(entry, "MESSAGE=not started: ") || !strings.Contains(entry, "\nPRIORITY=3\n") {
				t.Errorf("the entry is\n%s", entry)
			}
			// The unit's in any case, where the entry may be nobody's.
			if said := p.log.String(); !strings.HasPrefix(said, "foobar: ") || strings.Count(said, "\n") != 1 {
				t.Errorf("on standard error:\n%s", said)
			}
		})
	}
}
