package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile is far more than any sensible conf.yaml, in bytes.
const maxFile = 1 << 20

// An Error says what is wrong with a conf.yaml and where. Line and Column
// count from 1; they are 0 where the whole file is meant.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

// Error implements error in the form that editors jump to.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Load reads the file at path. Its errors are *Error.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, &Error{File: path, Message: "cannot be read: " + cause(err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, &Error{File: path, Message: "cannot be read: " + cause(err)}
	}
	return Parse(path, text)
}

// Parse reads the text of a conf.yaml; name stands for it in errors, which are
// *Error.
func Parse(name string, text []byte) (Config, error) {
	if len(text) > maxFile {
		return Config{}, &Error{File: name, Message: "is longer than 1 MiB"}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Config{}, locate(name, err)
	}
	root, err := document(name, file)
	if root == nil || err != nil {
		return Default(), err
	}
	if err := checkKeys(name, root); err != nil {
		return Config{}, err
	}
	c := Default()
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&c); err != nil {
		return Config{}, locate(name, err)
	}
	if err := checkRanges(name, root, c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// document returns the one mapping that the file holds, or nil where it holds
// nothing but comments.
func document(name string, file *ast.File) (*ast.MappingNode, error) {
	if len(file.Docs) > 1 {
		second := file.Docs[1]
		at := second.Start
		if at == nil {
			at = second.GetToken()
		}
		return nil, &Error{name, at.Position.Line, at.Position.Column, "a second document: allowed is one"}
	}
	if len(file.Docs) == 0 {
		return nil, nil
	}
	switch body := file.Docs[0].Body.(type) {
	case nil, *ast.CommentGroupNode, *ast.NullNode:
		return nil, nil
	case *ast.MappingNode:
		return body, nil
	default:
		return nil, at(name, body, "allowed is a mapping with "+keyList(""))
	}
}

// locate turns an error of the YAML library into ours, without the piece of
// source that the library would quote.
func locate(name string, err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return &Error{File: name, Message: "is not valid YAML"}
	}
	p := located.GetToken().Position
	return &Error{name, p.Line, p.Column, located.GetMessage()}
}

func at(name string, n ast.Node, message string) error {
	p := n.GetToken().Position
	return &Error{name, p.Line, p.Column, message}
}

// cause returns the reason of an *os.PathError without the path, which the
// caller names already.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
