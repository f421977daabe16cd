// Package config reads conf.yaml.
//
// Reading is strict: an unknown or repeated key, a value of the wrong type and
// a value out of range are errors that name file, line, column and what would
// be allowed. No error quotes a value, so that the file's content stays out of
// the log.
package config

import (
	_ "embed"
	"time"

	"go.uber.org/zap/zapcore"
)

// DefaultFile is the text of the conf.yaml that the package installs. It shows
// every key with its default.
//
//go:embed conf.yaml
var DefaultFile []byte

// Config is the whole of conf.yaml.
type Config struct {
	Log      Log      `yaml:"log"`
	Access   Access   `yaml:"access"`
	Limits   Limits   `yaml:"limits"`
	Timeouts Timeouts `yaml:"timeouts"`
}

// Log says what is logged.
type Log struct {
	Level Level `yaml:"level"`
	// Access is for an entry for each request, at any level.
	Access Bool `yaml:"access"`
}

// Access says who may read and who may write over HTTPS.
type Access struct {
	Read  AccessRule `yaml:"read"`
	Write AccessRule `yaml:"write"`
}

// Limits bounds what clients can hold. All but Connections are bytes.
type Limits struct {
	State       Size  `yaml:"state"`
	Uploads     Size  `yaml:"uploads"`
	Header      Size  `yaml:"header"`
	Connections Count `yaml:"connections"`
}

// Timeouts bounds how long clients can hold it.
type Timeouts struct {
	Header   Duration `yaml:"header"`
	Body     Duration `yaml:"body"`
	Response Duration `yaml:"response"`
	Idle     Duration `yaml:"idle"`
	Shutdown Duration `yaml:"shutdown"`
}

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		Log:    Log{Level: Level(zapcore.InfoLevel)},
		Access: Access{Read: Anyone, Write: Token},
		Limits: Limits{
			State:       16 << 20,
			Uploads:     64 << 20,
			Header:      16 << 10,
			Connections: 10000,
		},
		Timeouts: Timeouts{
			Header:   Duration(10 * time.Second),
			Body:     Duration(time.Minute),
			Response: Duration(time.Minute),
			Idle:     Duration(2 * time.Minute),
			Shutdown: Duration(10 * time.Second),
		},
	}
}
