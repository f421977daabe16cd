package attack

import "foobar/src/config"

// The limits of package httpserver, which have no keys.
const (
	maxHandshakes  = 500
	allowedStreams = 32 // of one HTTP/2 connection
)

// memoryBound is how much memory the process may take, in MiB. The garbage
// collector keeps it below 748, what conf.yaml needs at most, or a little above;
// MemoryMax= is 1024.
const memoryBound = 800

// Attacks returns every attack on a server with the shipped limits.
func Attacks() []Attack {
	limits := config.Default().Limits
	connections, requests := int(limits.Connections), int(limits.Requests)
	all := []Attack{
		{
			Name: "silent connections", Does: "opens connections and sends nothing",
			Connections: 11000, Hold: waitUntilClosed,
			Limit: maxHandshakes, Reasons: []string{"evicted"}, Memory: 192,
		},
		{
			Name: "half a ClientHello", Does: "sends a quarter of a ClientHello of 64 KiB",
			Connections: 11000, Hold: sendHalfHello,
			Limit: maxHandshakes, Reasons: []string{"evicted"}, Memory: 256,
		},
		{
			Name: "large client certificate", Does: "sends a certificate chain of 200 KiB and holds the handshake before its end",
			Connections: 1000, Hold: sendLargeCertificate, Needs: Certificate,
			Limit: maxHandshakes, Reasons: []string{"evicted"},
		},
		{
			Name: "idle HTTP/2 connections", Does: "opens HTTP/2 connections and sends no request",
			Protocol: "h2", Connections: 3000, Hold: holdHTTP2,
			Limit: (connections + 19) / 20, Reasons: []string{"evicted"}, Memory: 256,
		},
		{
			Name: "large records", Does: "sends a request of 15 KiB in one record of TLS, and nothing more",
			Protocol: "http/1.1", Connections: 4000, Hold: sendLargeRecord,
			Limit: (connections + 19) / 20, Reasons: []string{"evicted"},
		},
		{
			Name: "slow downloads", Does: "asks for 16 MiB with a header of 15 KiB, and reads nothing",
			Protocol: "http/1.1", Connections: 2200, Hold: downloadSlowly,
			Limit: requests, Reasons: []string{"evicted", "requests"},
		},
		{
			Name: "half a header", Does: "sends a header of 15 KiB and not its end",
			Protocol: "http/1.1", Connections: 2500, Hold: sendHalfHeader,
			Limit: requests, Reasons: []string{"evicted"}, Memory: 256,
		},
		{
			Name: "closed window", Does: "sends 100 GETs, or as many as the server allows, with 16 KiB of header each, by references of HPACK, and opens no window",
			Protocol: "h2", Connections: 300, Hold: closeWindow,
			Limit: requests / allowedStreams, Reasons: []string{"evicted", "requests"},
		},
		{
			Name: "closed window, small responses", Does: "sends 100 GETs for 4 KiB, or as many as the server allows, with 16 KiB of header each, by references of HPACK, and opens no window",
			Protocol: "h2", Connections: 300, Hold: closeWindowForRanges,
			Limit: requests / allowedStreams, Reasons: []string{"evicted", "requests"},
		},
		{
			Name: "requests of less than a second", Does: "sends 100 GETs from one address, or as many as the server allows, opens no window, resets all of them before they are a second old, and begins again",
			Protocol: "h2", Connections: holdingConns, Addresses: 1, Repeat: true, Requests: true, Hold: holdStreams, Memory: 384,
		},
		{
			Name: "bodies of GETs", Does: "sends GETs with bodies of 1 MiB, and opens no window",
			Protocol: "h2", Connections: 300, Hold: sendBodies, Memory: 256,
		},
		{
			Name: "large frames", Does: "allows frames of 16 MiB, asks for 16 MiB, and reads nothing",
			Protocol: "h2", Connections: 60, Hold: allowLargeFrames, Memory: 192,
		},
		{
			Name: "one byte of each version", Does: "asks for one byte of each new version of the state over HTTP/2, and opens no window",
			Protocol: "h2", Connections: 4, Hold: pinVersions("bytes=0-0"), Needs: Writer, Requests: true, Memory: 288,
		},
		{
			Name: "half of each version", Does: "asks for half of each new version of the state over HTTP/2, and opens no window",
			Protocol: "h2", Connections: 4, Hold: pinVersions("bytes=0-8388607"), Needs: Writer, Requests: true,
			Limit: 3, Reasons: []string{"versions"},
		},
		{
			Name: "slow download of each version", Does: "asks for another new version of the state, and reads nothing",
			Protocol: "http/1.1", Connections: 300, Hold: downloadVersion, Needs: Writer, Requests: true,
			Limit: 295, Reasons: []string{"versions"},
		},
		{
			Name: "endless uploads", Does: "uploads without a token, and never ends",
			Protocol: "http/1.1", Connections: 50, Repeat: true, Hold: uploadForever,
		},
		{
			Name: "uploads without a byte", Does: "announces uploads of 16 MiB with a token and sends nothing, while somebody replaces the state",
			Protocol: "http/1.1", Connections: 8, Hold: announceUpload, Needs: Writer,
		},
	}
	all = append(all, slowSenders()...)
	all = append(all, floods()...)
	for i := range all {
		if all[i].Memory == 0 {
			all[i].Memory = memoryBound
		}
	}
	return all
}

// slowSenders are the attacks that send a byte now and then, so that the server
// is never without news for the length of a timeout.
func slowSenders() []Attack {
	return []Attack{
		{
			Name: "half a line forever", Does: "sends a request line, one byte each tenth of a second",
			Protocol: "http/1.1", Connections: 200, Hold: dribbleLine,
		},
		{
			Name: "half a line after a request", Does: "sends one request, and then a request line, one byte each tenth of a second",
			Protocol: "http/1.1", Connections: 200, Hold: dribbleSecondLine,
		},
		{
			Name: "half a body forever", Does: "sends the body of an upload, one byte each tenth of a second",
			Protocol: "http/1.1", Connections: 200, Hold: dribbleBody,
		},
		{
			Name: "half a frame forever", Does: "sends a HEADERS frame, one byte each tenth of a second",
			Protocol: "h2", Connections: 200, Hold: dribbleFrame,
		},
		{
			Name: "half a TLS record forever", Does: "sends a TLS record, one byte each tenth of a second",
			Connections: 200, Hold: dribbleRecord,
		},
	}
}

// floods are the attacks that send as fast as the server reads.
func floods() []Attack {
	flood := func(name, does string, hold func(*Conn)) Attack {
		return Attack{Name: name, Does: does, Protocol: "h2", Connections: 10, Repeat: true, Hold: withoutContext(hold)}
	}
	all := []Attack{
		flood("SETTINGS flood", "sends SETTINGS frames, and reads no acknowledgement", floodSettings),
		flood("PING flood", "sends PING frames, and reads no acknowledgement", floodPing),
		flood("PRIORITY flood", "sends PRIORITY frames", floodPriority),
		flood("CONTINUATION flood", "sends a header that does not end", floodContinuation),
		flood("window flood", "sends WINDOW_UPDATE frames of one byte", floodWindow),
		flood("RST_STREAM flood", "sends requests and resets each at once", floodReset),
		flood("thousands of entity tags", "sends If-None-Match with 3,000 tags, in 20 bytes by references of HPACK", sendTags),
	}
	all[len(all)-2].Requests, all[len(all)-1].Requests = true, true
	return all
}
