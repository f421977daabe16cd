// Outbound sends HTTPS requests from inside a sandbox to servers that it finds by
// name. It takes the command line of foobar, so that it can replace foobar in the
// installed unit. It notifies systemd that it is ready, with a status text of
// "name: result" for each attempt, separated by "; ", and waits to be stopped.
//
// With -serve FILE it is a name server and an HTTPS server on the loopback
// interface, at the addresses below. It writes its certificate to FILE once both
// listen:
//
//	go run ./test/tools/outbound -serve servers.crt
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// The name server's address, and the names and addresses of the HTTPS server.
const (
	nameServer = "192.0.2.53"
	name4      = "four.example"
	address4   = "192.0.2.80"
	name6      = "six.example"
	address6   = "2001:db8::80"
	// The server has a feed at /feed.xml of this name, with the address of IPv4.
	nameFeed = "blog.example"
)

func main() {
	serve := flag.String("serve", "", "run the servers, and write their certificate to this `file`")
	for _, name := range []string{"config", "data", "cert", "key", "token", "client-ca", "memory-max"} {
		flag.String(name, "", "ignored")
	}
	flag.Parse()
	run := sendRequests
	if *serve != "" {
		run = func() error { return serveAll(*serve) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "outbound:", err)
		os.Exit(1)
	}
}

// sendRequests makes all attempts, and waits for SIGTERM.
func sendRequests() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	var results []string
	for _, try := range []struct {
		name string
		f    func() error
	}{
		{name4, func() error { return get(name4) }},
		{name6, func() error { return get(name6) }},
		{"multicast", func() error { return datagram("224.0.0.251:5353") }},
		{"broadcast", func() error { return datagram("255.255.255.255:67") }},
		{"listen", listen},
	} {
		result := "ok"
		if err := try.f(); err != nil {
			result = err.Error()
		}
		results = append(results, try.name+": "+result)
	}
	notify("READY=1\nSTATUS=" + strings.Join(results, "; "))
	// systemd expects watchdog pings.
	for {
		select {
		case <-stop:
			return nil
		case <-time.After(time.Second):
			notify("WATCHDOG=1")
		}
	}
}

func get(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+name+"/", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

func datagram(address string) error {
	conn, err := net.Dial("udp4", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("x"))
	return err
}

func listen() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return l.Close()
}

// notify sends a message of sd_notify(3) by the inherited socket.
func notify(message string) {
	for i, name := range strings.Split(os.Getenv("LISTEN_FDNAMES"), ":") {
		if name == "notify" {
			syscall.Write(3+i, []byte(message))
		}
	}
}
