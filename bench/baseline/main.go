// Command baseline behaves as the service of the article that foobar started
// from, faults included: it reads the file for each GET, writes it in place
// with no regard to durability, and sets no timeout and no limit. Benchmarks
// compare with it, and the power-cut tests show what it loses.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
)

func main() {
	config := flag.String("config", "", "configuration, read once and not used")
	data := flag.String("data", "", "directory of the state")
	cert := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "key, PEM")
	listen := flag.String("listen", ":8080", "address to listen on")
	flag.Parse()
	if _, err := os.ReadFile(*config); err != nil {
		log.Fatal(err)
	}
	http.Handle("/", stateFile(filepath.Join(*data, "statefile")))
	log.Fatal(http.ListenAndServeTLS(*listen, *cert, *key, nil))
}

// stateFile serves the file at its path.
type stateFile string

func (s stateFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.get(w)
	case http.MethodPost:
		s.post(w, r)
	}
}

func (s stateFile) get(w http.ResponseWriter) {
	text, err := os.ReadFile(string(s))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, err.Error())
		return
	}
	w.Write(text)
}

// post answers "ok" even after a failure, as the article's program does.
func (s stateFile) post(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	if err := os.WriteFile(string(s), text, 0o644); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	io.WriteString(w, "ok")
}
