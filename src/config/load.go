package config

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile is the largest size of a conf.yaml in bytes, five times the size of the
// installed file. It bounds the time and the memory that parsing takes.
const maxFile = 16 << 10

// An Error is an error in a conf.yaml. Line and Column count from 1; both are 0
// if the error is about the whole file.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

// Error returns "file:line:column: message", which editors can jump to.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Load reads the file at path. Every error is an *Error.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, &Error{File: path, Message: "cannot be read: " + pathErrorCause(err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, &Error{File: path, Message: "cannot be read: " + pathErrorCause(err)}
	}
	return Parse(path, text)
}

// Parse reads the text of a conf.yaml. File is its name in errors. Every error
// is an *Error.
func Parse(file string, text []byte) (Config, error) {
	c := Default()
	if err := parse(&c, text); err != nil {
		err.File = file
		return Config{}, err
	}
	return c, nil
}

// parse sets in c what the text of a conf.yaml sets. Its errors have no File.
func parse(c *Config, text []byte) *Error {
	if len(text) > maxFile {
		return &Error{Message: fmt.Sprintf("is larger than %s, which is the limit", Size(maxFile))}
	}
	text, err := decodeText(text)
	if err != nil {
		return err
	}
	root, err := parseYAML(text)
	if root == nil || err != nil {
		return err
	}
	return setAll(c, root)
}

// pathErrorCause returns the text of an error without the operation and the path
// of an *os.PathError, because an *Error has the path already.
func pathErrorCause(err error) string {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}
