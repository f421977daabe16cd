// Package cluster keeps the state in etcd, so that several machines serve the same
// state. A Store of the package is a service.Store.
//
// Reads are linearizable: a read returns what a quorum of the members agrees on
// after the read has begun. Reads that arrive together share one call, and so do
// writes (reader.go, writer.go). A write is a transaction that compares the
// revision of the key and carries an id, so that a repeated write is recognized
// (transaction.go). A call goes to the member that answers fastest (endpoints.go), and
// is made again while it is in progress if there is no answer (hedge.go). The package
// neither watches the key nor takes leases or locks, and it does not change the members.
//
// Read store.go first. FORMAT.md describes the value of the key.
package cluster
