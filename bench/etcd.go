package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"time"

	"foobar/bench/load"

	"google.golang.org/protobuf/encoding/protowire"
)

// etcdWriters put one key over and over by etcd's gRPC API, which is one HTTP/2
// stream a call (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
type etcdWriters struct{ n, size int }

func (e etcdWriters) run(s *server, d time.Duration) (float64, float64, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(true)
	defer transport.CloseIdleConnections()
	return closedLoop(e.n, d, func(writer int) func() error {
		value, count := load.Body(e.size), uint32(0)
		return func() error {
			binary.BigEndian.PutUint32(value, count)
			binary.BigEndian.PutUint32(value[4:], uint32(writer))
			count++
			return putEtcd(transport, s.address, value)
		}
	})
}

// putEtcd calls etcdserverpb.KV/Put: field 1 of the request is the key, field 2
// the value.
func putEtcd(transport *http.Transport, address string, value []byte) error {
	var message []byte
	message = protowire.AppendTag(message, 1, protowire.BytesType)
	message = protowire.AppendBytes(message, []byte("state"))
	message = protowire.AppendTag(message, 2, protowire.BytesType)
	message = protowire.AppendBytes(message, value)
	const uncompressed = 0
	frame := append(binary.BigEndian.AppendUint32([]byte{uncompressed}, uint32(len(message))), message...)
	request, err := http.NewRequest("POST", "https://"+address+"/etcdserverpb.KV/Put", bytes.NewReader(frame))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if status := response.Trailer.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("etcd: status %s, gRPC status %q: %s", response.Status, status, response.Trailer.Get("Grpc-Message"))
	}
	return nil
}
