package logging

import "go.uber.org/zap"

// An Event is the message ID of an entry that the journal's catalog explains
// (journalctl -x, file foobar.catalog). A test checks that each Event is in the
// catalog and is logged by the service.
type Event string

// The events, by what they are about.
const (
	// Events of normal operation.
	Started Event = "90ea0d5d2cba49ebaacb0484688e6171"
	Loaded  Event = "e59ee790730d4b2883a5b64bc1041d80"

	// Events of the configuration and the credentials.
	WrongConfiguration Event = "4ee4619619614b0f898f221382c6d264"
	ReloadRejected     Event = "374432d2e99843f38b869083c7f35b81"
	CertificateExpires Event = "99970b8f64dc45dd96863c3873df4d94"
	CertificateExpired Event = "470fde4a56fe48b18729624753d205fd"
	NoToken            Event = "4ed754ffb2e3408e8e9e3c2d1eb99858"

	// Events of the state.
	NoSpace      Event = "8485ed2b6c974e22a89acfab31224ea6"
	ReadOnly     Event = "8277af1bf4f64835af093ccf1112c1a1"
	WriteFailed  Event = "697357634c7646d58d4674fea324c1b2"
	StateChanged Event = "f863e46d67d646cb8573ac34daaf59a1"
	Recovered    Event = "a00b7819824a4ba9bcfc93927cc19828"

	// Events of a state in etcd.
	ClusterUnused Event = "b130288e578049c9bf983a97b60053e6"

	// Events of the service.
	SocketMissing Event = "b7e374ff74c749458008a2ccac60de38"
	Failed        Event = "b1b2fddef6d143bdad65ae159c917f1f"
	NotHealthy    Event = "ed9f88ae08a04c31a88211af6ebfa9d2"
	CrowdedOut    Event = "4dd64b4de782465c9150068d8557a218"
	CannotAccept  Event = "4a4097c1a5e74a35a678b33557124ae0"
	RequestsCut   Event = "a43cdd903ef849f69a1f6735b646635f"
	Panicked      Event = "4ef91bf7a8824455b34aaa574ad6481e"
	NotifyFailed  Event = "db4ff65267254447ab77e4d95b71cc77"
	EntriesLost   Event = "2f56f4ac9d4742f685c93506b3dc43f6"
)

// messageIDKey is the key of the field that Field returns.
const messageIDKey = "message_id"

// Field returns the field that marks a log entry as this event.
func (e Event) Field() zap.Field { return zap.String(messageIDKey, string(e)) }
