// Goclient sends a request by net/http, and prints the status, the body and the
// protocol. The tests of test/compatibility run it.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "goclient:", err)
		os.Exit(1)
	}
}

func run(command string) error {
	pem, err := os.ReadFile(os.Getenv("cert"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	if strings.HasSuffix(command, "2") {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP2(true)
	}
	method, body := http.MethodGet, io.Reader(nil)
	if strings.HasPrefix(command, "stream") {
		method, body = http.MethodPut, io.MultiReader(strings.NewReader("new")) // whose length net/http does not know
	}
	req, err := http.NewRequest(method, os.Getenv("url")+"/", body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("token"))
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_, err = fmt.Println(resp.StatusCode, string(text), resp.Proto)
	return err
}
