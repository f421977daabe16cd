package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// parseYAML returns the node of the only document of a text, which is null if the
// text has nothing but comments.
func (p *parser) parseYAML(text []byte) (*yaml.Node, error) {
	// A byte order mark may stand for UTF-16 (YAML 1.2.2, section 5.2).
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: save the file as UTF-8 text", p.file, err)
	}
	var documents []yaml.Node
	err = yaml.Load(acceptDirectives(text), &documents, yaml.WithAllDocuments())
	switch {
	case err != nil:
		return nil, p.wrapYAML(err, text)
	case len(documents) > 1:
		return nil, p.errorf(&documents[1], "a second document begins here: allowed is one")
	case len(documents) == 0:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	}
	return documents[0].Content[0], nil
}

var (
	// prologue matches what can stand before the "---" of a document.
	prologue = regexp.MustCompile(`^([ \t]*([#%][^\r\n]*)?[\r\n])*`)
	// directive matches the name of a directive, and a version 1 of YAML after it
	// (YAML 1.2.2, section 6.8).
	directive = regexp.MustCompile(`(?:^|[\r\n])%([^ \t\r\n]*)([ \t]+1\.[0-9]\b)?`)
)

// acceptDirectives changes the directives that the YAML library rejects and YAML
// 1.2 does not: another version 1 than 1.1 becomes 1.1, which differs only in
// types that conf.yaml does not use, and an unknown directive becomes a comment.
func acceptDirectives(text []byte) []byte {
	text = bytes.Clone(text)
	for _, m := range directive.FindAllSubmatchIndex(prologue.Find(text), -1) {
		switch name := string(text[m[2]:m[3]]); {
		case name == "YAML" && m[4] >= 0:
			text[m[5]-1] = '1'
		case name != "YAML" && name != "TAG":
			text[m[2]-1] = '#'
		}
	}
	return text
}

// wrapYAML returns an error of the YAML library with its position.
func (p *parser) wrapYAML(err error, text []byte) error {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return fmt.Errorf("%s: not valid YAML", p.file)
	}
	at := &yaml.Node{Line: e.Mark.Line, Column: e.Mark.Column}
	switch {
	case e.Stage == yaml.ReaderStage:
		// The library has only the offset, and quotes the character.
		before := text[:min(e.Mark.Index, len(text))]
		at.Line = 1 + bytes.Count(before, []byte("\n"))
		at.Column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		return p.errorf(at, "not UTF-8, or a control character: save the file as UTF-8 text without it")
	case e.Stage == yaml.ComposerStage:
		// The library quotes the name, which can be a value that lacks its quotes.
		return p.errorf(at, "not valid YAML: an alias has no anchor before it: put a value that begins with * in quotes")
	case e.ContextMsg != "" && e.ContextMark.Line > 0:
		return p.errorf(at, "not valid YAML: %s %s that begins at %d:%d", e.Message, e.ContextMsg, e.ContextMark.Line, e.ContextMark.Column)
	}
	return p.errorf(at, "not valid YAML: %s", e.Message)
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
