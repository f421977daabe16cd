package credentials

import (
	"crypto/x509"
	"testing"
	"time"
)

func TestExpiresSoon(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	for _, test := range []struct {
		lifetime, left time.Duration
		want           bool
	}{
		{365 * day, 22 * day, false},
		{365 * day, 20 * day, true},
		{90 * day, 22 * day, false},
		{90 * day, 20 * day, true},
		{6 * day, 2 * day, false},
		{6 * day, day, true},
		{90 * day, -day, true},
	} {
		c := &x509.Certificate{NotBefore: now.Add(test.left - test.lifetime), NotAfter: now.Add(test.left)}
		if got := ExpiresSoon(c, now); got != test.want {
			t.Errorf("%v of %v left: %v", test.left, test.lifetime, got)
		}
	}
}

func TestValidity(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for end, want := range map[time.Time]string{
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC): "certificate valid until 9999-12-31",
		now.AddDate(0, 6, 0):                             "certificate valid until 2030-07-02",
		now.AddDate(0, 0, 10):                            "CERTIFICATE EXPIRES IN 10 DAYS, 2030-01-12",
		now.Add(5 * time.Hour):                           "CERTIFICATE EXPIRES IN 5 HOURS, 2030-01-02",
		now.Add(-time.Hour):                              "CERTIFICATE EXPIRED 2030-01-02",
		time.Unix(0, 0).UTC():                            "CERTIFICATE EXPIRED 1970-01-01",
	} {
		c := &x509.Certificate{NotBefore: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: end}
		if got := Validity(c, now); got != want {
			t.Errorf("until %v: %s, want %s", end, got, want)
		}
	}
	c := &x509.Certificate{NotBefore: now.Add(time.Second), NotAfter: now.AddDate(1, 0, 0)}
	if got, want := Validity(c, now), "CERTIFICATE NOT VALID BEFORE 2030-01-02 03:04:06"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
