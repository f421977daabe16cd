package service

import (
	"errors"
	"os"
	"strings"
	"testing"

	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/state"
)

func TestConfigErrors(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(i *instance)
		want   string
	}{
		"conf.yaml":    {func(i *instance) { i.write("conf.yaml", "log:\n  levle: info\n") }, `conf.yaml:2:3: unknown key "log.levle"`},
		"no conf.yaml": {func(i *instance) { os.Remove(i.dir + "/conf.yaml") }, "conf.yaml: no such file"},
		"certificate":  {func(i *instance) { i.write("cert", "x") }, "certificate "},
		"no key":       {func(i *instance) { os.Remove(i.dir + "/key") }, "key"},
		"token":        {func(i *instance) { i.write("token", "short") }, "token "},
		"no data":      {func(i *instance) { os.Remove(i.dir + "/data") }, "-data: "},
		"file as data": {func(i *instance) { os.Remove(i.dir + "/data"); i.write("data", "x") }, "-data: "},
		"watchdog":     {func(i *instance) { i.env["WATCHDOG_USEC"] = "soon" }, "WATCHDOG_USEC"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstance(t, "")
			test.damage(i)
			i.run()
			if err := i.wait(); !isConfigError(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func TestExitIsLoggedToTheJournal(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(*instance)
		listen error
		want   logging.Event
	}{
		"conf.yaml": {func(i *instance) { i.write("conf.yaml", "log: {levle: info}") }, nil, logging.WrongConfiguration},
		"listener":  {func(*instance) {}, errors.New("no listener"), logging.WrongConfiguration},
		"socket":    {func(*instance) {}, listen.ErrMissing, logging.SocketMissing},
		"state":     {func(i *instance) { i.write("data/slots", "damaged") }, nil, logging.StateChanged},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstance(t, "")
			i.withJournal()
			test.damage(i)
			o := i.options()
			if test.listen != nil {
				o.Listen = func() (*listen.Sockets, error) {
					return &listen.Sockets{Journal: i.connectDatagram(i.journalSocket)}, test.listen
				}
			}
			// Missing sockets have an exit status of their own: a restart opens them.
			if err := Run(t.Context(), o, nil); isConfigError(err) != (test.want != logging.SocketMissing) {
				t.Errorf("error %v, a ConfigError: %t", err, isConfigError(err))
			}
			if entry := i.entry(test.want); !strings.HasPrefix(entry, "MESSAGE=not started: ") || !strings.Contains(entry, "\nPRIORITY=3\n") {
				t.Errorf("the entry is\n%s", entry)
			}
			// The caller writes the error to standard error.
			if log := i.log(); log != "" {
				t.Errorf("on standard error:\n%s", log)
			}
		})
	}
}

func TestStorageErrorsAreNoConfigErrors(t *testing.T) {
	if err := storeError(state.ErrNoSpace); isConfigError(err) {
		t.Error("the service would stay down although space may become free")
	}
}
