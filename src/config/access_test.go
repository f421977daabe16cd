package config

import "testing"

func TestAllowsMoreThan(t *testing.T) {
	rules := []AccessRule{Anyone, Token, Certificate, Both, Nobody}
	for i, row := range []string{ // a row and a column for each rule
		".++++",
		"..+++",
		".+.++",
		"....+",
		".....",
	} {
		for j, want := range row {
			if got := rules[i].AllowsMoreThan(rules[j]); got != (want != '.') {
				t.Errorf("%s allows more than %s: %v", rules[i], rules[j], got)
			}
		}
	}
}
