package httpserver

import "strings"

// A want is what a strict server must do with a request.
type want int

const (
	// refuse: a status of 400 or higher, the connection is closed, and no Handler sees
	// the request.
	refuse want = iota
	// serve: well-formed, so it is answered.
	serve
)

// A wire is the text that a client sends on one connection. requests is the number of
// requests that the Handler sees whole.
type wire struct {
	name, raw string
	want      want
	requests  int
}

// corpus has requests that a strict server serves or refuses. After a bad request, another
// one follows where it could be smuggled, so that a server which reads it is found.
func corpus() []wire {
	evil := "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
	return []wire{
		// well-formed: must be served
		{"plain GET", get(""), serve, 1},
		{"100 lines of a list", get(strings.Repeat("If-None-Match: \"a\"\r\n", 100)), serve, 1},
		{"101 lines of a list", get(strings.Repeat("If-None-Match: \"a\"\r\n", 101)) + evil, refuse, 0},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", serve, 1},
		{"Content-Length body", post("Content-Length: 5\r\n", "hello"), serve, 1},
		{"Content-Length 0", post("Content-Length: 0\r\n", ""), serve, 1},
		{"chunked body", post(chunked, "5\r\nhello\r\n0\r\n\r\n"), serve, 1},
		{"chunked, upper case and name", post("transfer-encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), serve, 1},
		{"chunk extension", post(chunked, "5;a=b\r\nhello\r\n0\r\n\r\n"), serve, 1},
		{"pipelined GETs", get("") + get(""), serve, 2},
		{"pipelined after Content-Length", post("Content-Length: 5\r\n", "hello") + get(""), serve, 2},
		{"pipelined after chunked", post(chunked, "5\r\nhello\r\n0\r\n\r\n") + get(""), serve, 2},
		{"request as body stays body", post("Content-Length: 36\r\n", "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n12345") + get(""), serve, 2},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", serve, 1},
		{"tab and space around value", get("X: \t v \t\r\n"), serve, 1},
		{"obs-text in value", get("X: \xe4\r\n"), serve, 1},
		{"absolute form", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", serve, 1},
		{"absolute form with the default port", "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", serve, 1},
		{"absolute form, Host with the default port", "GET https://A/ HTTP/1.1\r\nHost: a:443\r\n\r\n", serve, 1},
		{"asterisk with OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", serve, 1},
		{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n" + get(""), serve, 2},
		{"HTTP/1.9 with chunks", "POST / HTTP/1.9\r\nHost: a\r\n" + chunked + "\r\n5\r\nhello\r\n0\r\n\r\n" + get(""), serve, 2},
		{"HTTP/1.0 with keep-alive", strings.Repeat("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 2), serve, 2},
		{"HTTP/1.0 with keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + evil, serve, 1},
		{"HTTP/1.0 POST with keep-alive", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello" + get(""), serve, 2},
		{"white space before a chunk extension", post(chunked, "5 \t;a=b\r\nhello\r\n0 ;c\r\n\r\n") + get(""), serve, 2},
		{"trailer", post(chunked, "5\r\nhello\r\n0\r\nX: a\r\nY:\r\n\r\n") + get(""), serve, 2},
		{"trailer Content-Length", post(chunked, "5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n") + get(""), serve, 2},
		{"leading empty line", "\r\n" + get(""), serve, 1},
		{"empty line between requests", get("") + "\r\n" + get(""), serve, 2},
		{"empty line after a body", post("Content-Length: 5\r\n", "hello\r\n") + get(""), serve, 2},

		// line ends
		{"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n" + evil, refuse, 0},
		{"bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n" + evil, refuse, 0},
		{"bare LF after field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n" + evil, refuse, 0},
		{"bare LF ends header", "GET / HTTP/1.1\r\nHost: a\r\n\n" + evil, refuse, 0},
		{"LF LF hides a request", "GET / HTTP/1.1\r\nHost: a\n\n" + evil, refuse, 0},
		{"bare CR in request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", refuse, 0},
		{"bare CR in value", get("X: a\rb\r\n"), refuse, 0},
		{"CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", refuse, 0},
		{"CR CR LF after field", get("X: a\r\r\n"), refuse, 0},
		{"empty lines alone", "\r\n\r\n", refuse, 0},
		{"leading empty lines", "\r\n\r\n\r\n" + get(""), refuse, 0},
		{"leading bare LF", "\n" + get(""), refuse, 0},
		{"leading space line", " \r\n" + get(""), refuse, 0},

		// folding and white space
		{"obs-fold with space", get("X: a\r\n b\r\n"), refuse, 0},
		{"obs-fold with tab", get("X: a\r\n\tb\r\n"), refuse, 0},
		{"obs-fold of Content-Length", post("Content-Length: 5\r\n 0\r\n", "hello") + evil, refuse, 0},
		{"obs-fold of Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"first field folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", refuse, 0},
		{"space-only line", get(" \r\n"), refuse, 0},
		{"space before colon", get("X : a\r\n"), refuse, 0},
		{"tab before colon", get("X\t: a\r\n"), refuse, 0},
		{"space before colon of Content-Length", post("Content-Length : 5\r\n", "hello") + evil, refuse, 0},
		{"space before colon of Transfer-Encoding", post("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"space in name", get("X Y: a\r\n"), refuse, 0},
		{"empty name", get(": a\r\n"), refuse, 0},
		{"no colon", get("X\r\n"), refuse, 0},

		// framing
		{"two different Content-Length", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello") + evil, refuse, 0},
		{"two equal Content-Length", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length list, equal", post("Content-Length: 5, 5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length list, different", post("Content-Length: 5, 6\r\n", "hello") + evil, refuse, 0},
		{"Content-Length plus", post("Content-Length: +5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length minus", post("Content-Length: -5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length hexadecimal", post("Content-Length: 0x5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length empty", post("Content-Length:\r\n", "") + evil, refuse, 0},
		{"Content-Length with space", post("Content-Length: 5 5\r\n", "hello") + evil, refuse, 0},
		{"Content-Length overflow", post("Content-Length: 18446744073709551621\r\n", "hello") + evil, refuse, 0},
		{"Content-Length 2^63", post("Content-Length: 9223372036854775808\r\n", "hello") + evil, refuse, 0},
		{"Content-Length underscore", post("Content_Length: 5\r\nContent-Length: 1_0\r\n", "hello") + evil, refuse, 0},
		{"Content-Length then Transfer-Encoding", post("Content-Length: 5\r\n"+chunked, "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding then Content-Length", post(chunked+"Content-Length: 5\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"GET with Content-Length and Transfer-Encoding", get(chunked+"Content-Length: 5\r\n") + "0\r\n\r\n" + evil, refuse, 0},
		{"two Transfer-Encoding", post(chunked+chunked, "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding identity", post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello") + evil, refuse, 0},
		{"Transfer-Encoding identity alone", post("Transfer-Encoding: identity\r\n", "") + evil, refuse, 0},
		{"Transfer-Encoding gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding empty", post("Transfer-Encoding:\r\n", "") + evil, refuse, 0},
		{"Transfer-Encoding quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding with vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding chunked;q", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n") + evil, refuse, 0},
		{"Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n" + chunked + "\r\n0\r\n\r\n" + evil, refuse, 0},

		// chunks: the header is well-formed, so a handler may start; the body must not arrive whole
		{"chunk size not hexadecimal", post(chunked, "g\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size empty", post(chunked, "\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size 0x", post(chunked, "0x5\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size plus", post(chunked, "+5\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size minus", post(chunked, "-5\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size leading space", post(chunked, " 5\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size trailing space", post(chunked, "5 \r\nhello\r\n0\r\n\r\n") + evil, serve, 2},
		{"chunk size overflow", post(chunked, "10000000000000005\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size 2^63", post(chunked, "8000000000000000\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk size line ends in LF", post(chunked, "5\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk data ends in LF", post(chunked, "5\r\nhello\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk data too long", post(chunked, "5\r\nhelloo\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk data too short", post(chunked, "5\r\nhell\r\n0\r\n\r\n") + evil, refuse, 0},
		{"last chunk ends in LF", post(chunked, "5\r\nhello\r\n0\n\r\n") + evil, refuse, 0},
		{"body ends in LF", post(chunked, "5\r\nhello\r\n0\r\n\n") + evil, refuse, 0},
		{"chunk extension with bare LF", post(chunked, "5;a\nb\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk extension with bare CR", post(chunked, "5;a\rb\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"chunk extension with NUL", post(chunked, "5;a\x00b\r\nhello\r\n0\r\n\r\n") + evil, serve, 2},
		{"chunk extension over-long", post(chunked, "5;"+strings.Repeat("a", 64<<10)+"\r\nhello\r\n0\r\n\r\n") + evil, refuse, 0},
		{"trailer with bare LF", post(chunked, "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n") + evil, refuse, 0},
		{"trailer ended by LF LF", post(chunked, "5\r\nhello\r\n0\r\nX: a\n\n") + evil, refuse, 0},
		{"trailer folded", post(chunked, "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n") + evil, refuse, 0},
		{"trailer with space before colon", post(chunked, "5\r\nhello\r\n0\r\nX : a\r\n\r\n") + evil, refuse, 0},
		{"trailer with NUL", post(chunked, "5\r\nhello\r\n0\r\nX: \x00\r\n\r\n") + evil, refuse, 0},
		{"trailer over-long", post(chunked, "5\r\nhello\r\n0\r\n"+strings.Repeat("X: a\r\n", 10<<10)+"\r\n") + evil, refuse, 0},
		{"trailer without end", post(chunked, "5\r\nhello\r\n0\r\nX: a\r\n"), refuse, 0},
		{"chunk extensions in many chunks", post(chunked, strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n", 30)+"0\r\n\r\n") + evil, refuse, 0},
		{"trailer without colon", post(chunked, "5\r\nhello\r\n0\r\nX\r\n\r\n") + evil, refuse, 0},

		// bytes
		{"NUL in method", "G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"NUL in target", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"NUL in name", get("X\x00: a\r\n"), refuse, 0},
		{"NUL in value", get("X: a\x00b\r\n"), refuse, 0},
		{"DEL in value", get("X: a\x7fb\r\n"), refuse, 0},
		{"ESC in value", get("X: a\x1bb\r\n"), refuse, 0},
		{"vertical tab in value", get("X: a\x0bb\r\n"), refuse, 0},
		{"control byte in target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"DEL in target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"tab in target", "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"byte over 127 in target", "GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"byte over 127 in name", get("X\xe4: a\r\n"), refuse, 0},
		{"separator in name", get("X(Y): a\r\n"), refuse, 0},
		{"UTF-8 byte order mark", "\xef\xbb\xbf" + get(""), refuse, 0},

		// request line
		{"method only", "GET\r\nHost: a\r\n\r\n", refuse, 0},
		{"no version (HTTP/0.9)", "GET /\r\n\r\n", refuse, 0},
		{"empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"two spaces after method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"two spaces before version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"tab as separator", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"space after version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", refuse, 0},
		{"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", refuse, 0},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refuse, 0},
		{"HTTP/1.2 without Host", "GET / HTTP/1.2\r\n\r\n", refuse, 0},
		{"HTTP/0.9 spelled out", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", refuse, 0},
		{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", refuse, 0},
		{"HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n", refuse, 0},
		{"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"method with separator", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"authority form with GET", "GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", refuse, 0},
		{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"absolute form, other host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"absolute form, other port", "GET http://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"absolute form with userinfo", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"absolute form, other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"fragment in target", "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"broken percent escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"over-long target", "GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"over-long method", strings.Repeat("A", 64<<10) + " / HTTP/1.1\r\nHost: a\r\n\r\n", refuse, 0},
		{"over-long field", get("X: " + strings.Repeat("a", 64<<10) + "\r\n"), refuse, 0},
		{"too many fields", get(strings.Repeat("X: a\r\n", 10<<10)), refuse, 0},

		// host
		{"no Host", "GET / HTTP/1.1\r\n\r\n", refuse, 0},
		{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", refuse, 0},
		{"two Host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", refuse, 0},
		{"two different Host", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", refuse, 0},
		{"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", refuse, 0},
		{"Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", refuse, 0},
		{"Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", refuse, 0},
		{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", refuse, 0},
		{"Host with a port that is no number", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", refuse, 0},
		{"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", refuse, 0},
		{"Host with a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", refuse, 0},
		{"Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", refuse, 0},
		{"Host with a name in brackets", "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", refuse, 0},
		{"Host with half an escape", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", refuse, 0},
		{"two Authorization", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n", refuse, 0},
		{"empty Authorization before another", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\r\nAuthorization: Bearer a\r\n\r\n", refuse, 0},
		{"empty Range before another", "GET / HTTP/1.1\r\nHost: a\r\nRange:\r\nRange: bytes=0-1\r\n\r\n", refuse, 0},
		{"two empty If-Range", "GET / HTTP/1.1\r\nHost: a\r\nIf-Range:\r\nIf-Range:\r\n\r\n", refuse, 0},
		{"two Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", refuse, 0},

		// other
		{"TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", refuse, 0},
		{"HEAD that is refused", "HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", refuse, 0},
		{"unknown expectation", post("Expect: banana\r\nContent-Length: 5\r\n", "hello") + evil, refuse, 0},
		{"unread body smuggles nothing", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n" + evil, serve, 1},
		{"HEAD with body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n" + evil, serve, 1},
		{"Upgrade h2c is not taken", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), serve, 1},
	}
}
