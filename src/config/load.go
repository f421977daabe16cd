package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v4"
)

// maxFile is the largest size of a conf.yaml in bytes, five times the size of the
// installed file. It bounds the time and the memory that parsing takes.
const maxFile = 16 << 10

// Load reads the file at path.
func Load(path string) (Config, error) {
	f, err := os.OpenFile(path, syscall.O_NONBLOCK, 0) // which waits for no writer of a pipe
	if err != nil {
		return Config{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxFile+1)) // of a pipe, an error
	if err != nil {
		return Config{}, fmt.Errorf("%w: only a regular file can be read", err)
	}
	return Parse(path, text)
}

// Default returns the configuration of an empty file.
func Default() Config {
	p := parser{file: "conf.yaml"}
	if err := p.parse(DefaultFile); err != nil {
		panic(err)
	}
	return p.config
}

// Parse reads the text of a conf.yaml. File is its name in errors, which begin
// with "file:line:column: " as editors know it.
func Parse(file string, text []byte) (Config, error) {
	p := parser{file: file, config: Default()}
	if err := p.parse(text); err != nil {
		return Config{}, err
	}
	return p.config, nil
}

// A parser reads one file.
type parser struct {
	file   string
	config Config
	set    map[string]*yaml.Node // the values that the file has, by path
}

func (p *parser) parse(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("%s: is larger than %v, which is the limit", p.file, Size(maxFile))
	}
	root, err := p.parseYAML(text)
	if err != nil {
		return err
	}
	p.set = map[string]*yaml.Node{}
	if err := p.parseMapping("", root, root); err != nil {
		return err
	}
	return cmp.Or(p.limitClusterState(), p.checkUploads())
}

// errorf returns an error at the position of n.
func (p *parser) errorf(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", p.file, n.Line, n.Column, fmt.Sprintf(format, args...))
}

// parseMapping reads the mapping of the whole file, where prefix is empty, or of
// a section, where it is such as "limits.". It reports the first key that is
// unknown or repeated, and the first value that is not allowed.
func (p *parser) parseMapping(prefix string, key, mapping *yaml.Node) error {
	names := namesBelow(prefix)
	if isNull(mapping) { // all keys may be commented out
		return nil
	}
	if mapping.Kind != yaml.MappingNode || mapping.ShortTag() != "!!map" {
		return p.errorf(key, "%sallowed is a mapping with %s", strings.Replace(prefix, ".", ": ", 1), listWords(names))
	}
	var err error
	first := map[string]*yaml.Node{}
	for i := 0; i < len(mapping.Content) && err == nil; i += 2 {
		key, value := mapping.Content[i], resolveAlias(mapping.Content[i+1])
		name := resolveAlias(key).Value
		other := first[name]
		first[name] = key
		switch path := prefix + name; {
		case resolveAlias(key).Kind != yaml.ScalarNode:
			return p.errorf(key, "a key must be a plain or quoted text")
		case other != nil:
			return p.errorf(key, "repeated key %.40q: the first one is at %d:%d", name, other.Line, other.Column)
		case !slices.Contains(names, name):
			return p.errorf(key, "unknown key %.40q: allowed is %s", path, listWords(names))
		case prefix == "":
			err = p.parseMapping(path+".", key, value)
		default:
			err = p.parseValue(path, key, value)
		}
	}
	return err
}

func (p *parser) parseValue(path string, name, value *yaml.Node) error {
	if isNull(value) { // the author may have meant zero or the default
		return p.errorf(name, "%s has no value: set one, or remove the key to use the default", path)
	}
	p.set[path] = value
	all := keys()
	k := all[slices.IndexFunc(all, func(k key) bool { return k.path == path })]
	if !k.parse(&p.config, value) {
		return p.errorf(value, "%s: allowed is %s", path, k.allowed)
	}
	return nil
}

// namesBelow returns the names of the keys whose path begins with a prefix, and
// the names of the sections where it is empty.
func namesBelow(prefix string) []string {
	var names []string
	for _, k := range keys() {
		if rest, ok := strings.CutPrefix(k.path, prefix); ok {
			name, _, _ := strings.Cut(rest, ".")
			names = append(names, name)
		}
	}
	return slices.Compact(names)
}

// checkUploads reports limits.uploads below limits.state. The defaults are not,
// so the file has at least one of the two.
func (p *parser) checkUploads() error {
	if p.config.Limits.Uploads >= p.config.Limits.State {
		return nil
	}
	path := "limits.uploads"
	if p.set[path] == nil {
		path = "limits.state"
	}
	return p.errorf(p.set[path], "%s: limits.uploads must be at least limits.state, or a state of that size could not be uploaded", path)
}
