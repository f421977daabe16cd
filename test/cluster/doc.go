//go:build cluster

// Package cluster tests foobar-etcd over three members of etcd, each in a network
// namespace of its own, with certificates for all connections. Clients send
// requests to three services while members are killed, stopped and cut off, and
// porcupine checks that the history of the requests is linearizable.
//
// The tests need root, and run in a network namespace of their own. Read
// linearizable_test.go first. The short form of test/run takes a minute; test/cluster/run
// takes 20 seconds for each fault.
package cluster
