package directives

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A managedDirectory is a setting by which systemd makes directories for a service,
// systemd.exec(5).
type managedDirectory struct{ setting, parent string }

var managedDirectories = []managedDirectory{
	{"RuntimeDirectory", "/run/"}, {"StateDirectory", "/var/lib/"}, {"CacheDirectory", "/var/cache/"},
	{"LogsDirectory", "/var/log/"}, {"ConfigurationDirectory", "/etc/"},
}

// dataPath matches a path at which a service keeps data, up to the name of a service.
var dataPath = regexp.MustCompile(`/(?:var/lib|var/cache|var/log|run|etc)/([\w-]*)(@%i)?`)

// DirectoryFaults returns what is wrong with the directories of a unit of the program
// with that name. Each instance of a template needs directories of its own, which
// no other user can read and from which nothing can be executed.
func DirectoryFaults(name string, template bool, unit []Directive) (faults []string) {
	rootDirectory := strings.Join(valuesOf(unit, "RootDirectory"), "")
	noExec := strings.Fields(strings.Join(valuesOf(unit, "NoExecPaths"), " "))
	for _, managed := range managedDirectories {
		directories := strings.Fields(strings.Join(valuesOf(unit, managed.setting), " "))
		for _, directory := range directories {
			directory, _, _ = strings.Cut(directory, ":")
			path := managed.parent + directory
			switch {
			case template && !strings.Contains(directory, "%i"):
				faults = append(faults, fmt.Sprintf("%s=%s is one directory for all instances: add @%%i to the name", managed.setting, directory))
			case path == rootDirectory:
				faults = append(faults, fmt.Sprintf("%s=%s is RootDirectory=, which all instances share: use another name", managed.setting, directory))
			case rootDirectory != "" && managed.parent != "/etc/" && !slices.Contains(noExec, "+"+path):
				faults = append(faults, fmt.Sprintf("%s=%s lacks +%s in NoExecPaths=: files in it can be executed", managed.setting, directory, path))
			}
		}
		if mode := valuesOf(unit, managed.setting+"Mode"); len(directories) > 0 && managed.parent != "/etc/" && !slices.Equal(mode, []string{"0700"}) {
			faults = append(faults, fmt.Sprintf("%s= needs %sMode=0700: other users could read the files", managed.setting, managed.setting))
		}
	}
	return append(faults, sharedPaths(name, template, rootDirectory, unit)...)
}

// sharedPaths returns the paths of the unit of which a template must have one for
// each instance.
func sharedPaths(name string, template bool, rootDirectory string, unit []Directive) (faults []string) {
	if !template {
		return nil
	}
	for _, d := range unit {
		for _, value := range d.Values {
			for _, path := range dataPath.FindAllStringSubmatch(value, -1) {
				if path[0] != rootDirectory && path[1] == name && path[2] == "" {
					faults = append(faults, fmt.Sprintf("%s= has %s, which is one path for all instances: add @%%i", d.Name, path[0]))
				}
			}
		}
	}
	return faults
}
