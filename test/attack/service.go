package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"foobar/src/state"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// stateSize is the size of the state in bytes, the largest that conf.yaml allows.
const stateSize = 16 << 20

// A Service is the program without systemd.
type Service struct {
	*Process
	Target
	metricsURL string
}

// StartService starts the program with its data and configuration in dir. The
// state is of the largest size. The prefix is a command that runs another one.
func StartService(program, dir, config string, prefix ...string) (*Service, error) {
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := storeState(file("data")); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file("conf.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := InitCredentials(program, dir); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(file("token"))
	if err != nil {
		return nil, err
	}
	args := append(prefix, program, "-config", file("conf.yaml"), "-data", file("data"), "-cert", file("cert"), "-key", file("key"),
		"-token", file("token"), "-listen", "127.0.0.1:0", "-metrics-listen", "127.0.0.1:0", "-admin-listen", file("admin.sock"))
	if strings.Contains(config, "certificate") {
		args = append(args, "-client-ca", file("cert"))
	}
	s := &Service{Target: Target{Path: "/", Token: strings.TrimSpace(string(token))}}
	if s.Process, err = StartProcess(args...); err != nil {
		return nil, err
	}
	s.Write = func() error { return Put("https://"+s.Address+"/", s.Token, stateSize) }
	if err := s.waitReady(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// storeState makes the directory of the data, with the state in it. The timeouts
// of a configuration do not apply to that.
func storeState(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	store, err := state.Open(state.Options{
		Dir: dir, CheckpointDelay: time.Second,
		OnCommit: func(time.Duration, time.Duration, int) {}, Log: func(string, error) {},
	})
	if err != nil {
		return err
	}
	_, err = store.Replace(context.Background(), nil, bytes.Repeat([]byte("x"), stateSize))
	return errors.Join(err, store.Close())
}

// InitCredentials makes a certificate, its key and a token in dir.
func InitCredentials(program, dir string) error {
	out, err := exec.Command(program, "init-credentials", "-dir", dir, "-host", "localhost").CombinedOutput()
	if err != nil {
		return fmt.Errorf("init-credentials: %w\n%s", err, out)
	}
	return nil
}

// startTimeout bounds the time until a server answers.
const startTimeout = 30 * time.Second

// listening finds the address of a listener in the log.
var listening = regexp.MustCompile(`listening on (\S+) \((https|metrics|admin)\)`)

// waitReady waits until the service listens.
func (s *Service) waitReady() error {
	addresses := map[string]string{}
	return Poll(startTimeout, func() error {
		for _, m := range listening.FindAllSubmatch(s.output.last(), -1) {
			addresses[string(m[2])] = string(m[1])
		}
		if len(addresses) < 3 {
			return errors.Join(errors.New("the service does not listen"), s.Err())
		}
		s.Address, s.metricsURL = addresses["https"], "http://"+addresses["metrics"]+"/metrics"
		return nil
	})
}

// Put replaces a resource by so many bytes.
func Put(url, token string, size int) error {
	req, err := http.NewRequest("PUT", url, strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	c := http.Client{Timeout: clientTimeout, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("PUT: status %d", resp.StatusCode)
	}
	return nil
}

// Metric returns the sum of the series of a metric that have one of the values
// for the label. Those of the admin socket do not count.
func (s *Service) Metric(name, label string, values ...string) (float64, error) {
	resp, err := http.Get(s.metricsURL)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		if matches(m, "listener", "https") && matches(m, label, values...) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum, nil
}

// matches reports whether the label has one of the values.
func matches(m *dto.Metric, label string, values ...string) bool {
	for _, pair := range m.GetLabel() {
		for _, value := range values {
			if pair.GetName() == label && pair.GetValue() == value {
				return true
			}
		}
	}
	return false
}

// Poll calls check until it returns nil, and returns its last error after d.
func Poll(d time.Duration, check func() error) error {
	for deadline := time.Now().Add(d); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within %v", d), err)
		}
	}
}
