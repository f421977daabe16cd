package main

import (
	"strings"
	"testing"
	"time"

	"foobar/src/adminclient"
)

func TestReportShowsWhatNeedsAttention(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	healthy := adminclient.Stats{Version: "1", Started: now.Add(-time.Hour), CertificateExpiry: now.Add(100 * 24 * time.Hour), Loaded: now.Add(-time.Hour)}
	rejected, expired, endless := healthy, healthy, healthy
	endless.CertificateExpiry = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	rejected.ReloadRejected = true
	expired.CertificateExpiry = now.Add(-time.Hour)
	for name, test := range map[string]struct {
		stats    adminclient.Stats
		exposure string
		want     string
	}{
		"healthy":         {healthy, "", "certificate   valid until 2030-04-12, for 100 days\n"},
		"rejected reload": {rejected, "", "A LATER ONE WAS REJECTED, see journalctl"},
		"expiry":          {expired, "", "EXPIRED on 2030-01-02"},
		"year 9999":       {endless, "", "certificate   valid until 9999-12-31\n"},
		"exposure":        {healthy, "0.1 SAFE", "exposure      0.1 SAFE, as "},
	} {
		text := report(test.stats, test.exposure, now)
		if !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in\n%s", name, test.want, text)
		}
		if test.exposure == "" && strings.Contains(text, "exposure") {
			t.Errorf("%s: an exposure that is not known in\n%s", name, text)
		}
		if strings.Contains(text, "REJECTED") != test.stats.ReloadRejected {
			t.Errorf("%s: rejected or not in\n%s", name, text)
		}
	}
}
