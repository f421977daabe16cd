package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth is the deepest nesting that is parsed. A valid file has three levels.
const maxDepth = 32

// parseYAML returns the mapping that is the only document of a text, or nil if
// the text has nothing but comments.
func parseYAML(text []byte) (*yaml.Node, *Error) {
	loader, err := yaml.NewLoader(bytes.NewReader(acceptDirectives(text)),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, wrapYAML(err)
	}
	var document, second yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, wrapYAML(err)
	}
	if err := loader.Load(&second); err == nil {
		return nil, errorAt(&second, "a second document begins here: allowed is one")
	} else if !errors.Is(err, io.EOF) {
		return nil, wrapYAML(err)
	}
	root := &document
	if root.Kind == yaml.DocumentNode {
		root = root.Content[0]
	}
	switch {
	case isNull(root):
		return nil, nil
	case !isMapping(root):
		return nil, errorAt(root, "allowed is a mapping with "+listKeys(""))
	}
	return root, nil
}

// directive matches a directive line, and what can stand before one (YAML 1.2.2,
// section 6.8).
var directive = regexp.MustCompile(`^(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*%([^\r\n]*)`)

// yaml1 matches a directive that names a version 1 of YAML.
var yaml1 = regexp.MustCompile(`^YAML[ \t]+1\.([0-9])(?:[ \t]|$)`)

// acceptDirectives changes the directives that the YAML library rejects and YAML
// 1.2 does not: another version 1 than 1.1 becomes 1.1, which differs only in
// types that conf.yaml does not use, and an unknown directive becomes a comment.
func acceptDirectives(text []byte) []byte {
	text = bytes.Clone(text)
	for rest := text; ; {
		m := directive.FindSubmatchIndex(rest)
		if m == nil {
			return text
		}
		name := rest[m[2]:m[3]]
		if version := yaml1.FindSubmatchIndex(name); version != nil {
			name[version[2]] = '1'
		} else if !bytes.HasPrefix(name, []byte("YAML")) && !bytes.HasPrefix(name, []byte("TAG")) {
			rest[m[2]-1] = '#'
		}
		rest = bytes.TrimLeft(rest[m[1]:], "\r\n")
	}
}

// wrapYAML returns an error of the YAML library as an *Error.
func wrapYAML(err error) *Error {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return &Error{Message: "not valid YAML"}
	}
	message := e.Message
	switch {
	case e.Stage == yaml.ComposerStage:
		// The library quotes the name, which can be a value that lacks its quotes.
		message = "an alias has no anchor before it: put a value that begins with * in quotes"
	case e.ContextMsg != "" && e.ContextMark.Line > 0:
		message += fmt.Sprintf(" %s that begins at %d:%d", e.ContextMsg, e.ContextMark.Line, e.ContextMark.Column)
	}
	return &Error{Line: e.Mark.Line, Column: e.Mark.Column, Message: "not valid YAML: " + message}
}

// errorAt returns an *Error at the position of n.
func errorAt(n *yaml.Node, message string) *Error {
	return &Error{Line: n.Line, Column: n.Column, Message: message}
}

// resolveAlias returns the node that an alias stands for, or n itself.
func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func isMapping(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.ShortTag() == "!!map"
}
