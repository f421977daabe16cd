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

// maxFile is the largest size of a conf.yaml in bytes.
const maxFile = 1 << 20

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
	if len(text) > maxFile {
		return Config{}, &Error{File: file, Message: "is longer than 1 MiB"}
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Config{}, wrapYAML(file, err)
	}
	root, err := rootMapping(file, tree)
	if root == nil || err != nil {
		return Default(), err
	}
	if err := checkKeys(file, root); err != nil {
		return Config{}, err
	}
	c := Default()
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&c); err != nil {
		return Config{}, wrapYAML(file, err)
	}
	if err := checkRanges(file, root, c); err != nil {
		return Config{}, err
	}
	return c, nil
}

// rootMapping returns the mapping that is the file's only document, or nil if
// the file has nothing but comments.
func rootMapping(file string, tree *ast.File) (*ast.MappingNode, error) {
	if len(tree.Docs) > 1 {
		second := tree.Docs[1]
		start := second.Start
		if start == nil {
			start = second.GetToken()
		}
		return nil, &Error{file, start.Position.Line, start.Position.Column, "a second document: allowed is one"}
	}
	if len(tree.Docs) == 0 {
		return nil, nil
	}
	switch body := tree.Docs[0].Body.(type) {
	case nil, *ast.CommentGroupNode, *ast.NullNode:
		return nil, nil
	case *ast.MappingNode:
		return body, nil
	default:
		return nil, errorAt(file, body, "allowed is a mapping with "+listKeys(""))
	}
}

// wrapYAML returns an error of the YAML library as an *Error, without the lines
// of the file that the library quotes.
func wrapYAML(file string, err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return &Error{File: file, Message: "is not valid YAML"}
	}
	p := located.GetToken().Position
	return &Error{file, p.Line, p.Column, located.GetMessage()}
}

// errorAt returns an *Error at the position of n.
func errorAt(file string, n ast.Node, message string) error {
	p := n.GetToken().Position
	return &Error{file, p.Line, p.Column, message}
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
