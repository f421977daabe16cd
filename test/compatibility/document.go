package compatibility

import (
	"fmt"
	"strings"
)

// Document returns docs/compatibility.md.
func Document(cases []Case) string {
	var b strings.Builder
	b.WriteString(`# Clients and proxies

What real clients do, and what the service responds.
A test runs every row as it stands here, with ` + "`http.fast_path`" + ` on and off, and writes this page:
` + "`FOOBAR_WRITE=1 go test -tags testbed ./test/compatibility`" + `.
`)
	client := ""
	for _, c := range cases {
		if c.Client != client {
			client = c.Client
			fmt.Fprintf(&b, "\n## %s\n\n| what the client does | response |\n|---|---|\n", client)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c.Does, c.Response)
	}
	return b.String()
}
