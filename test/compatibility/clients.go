package compatibility

// Cases returns all cases.
func Cases() []Case {
	var all []Case
	for _, group := range []struct {
		client string
		cases  []Case
	}{
		{"curl", curl()}, {"wget", wget()}, {"ab, wrk, h2load", loadTools()}, {"Python", python()}, {"Node.js", node()},
		{"Java", java()}, {"Go", goClient()}, {"nginx, HAProxy, Prometheus", servers()},
	} {
		for _, c := range group.cases {
			c.Client = group.client
			all = append(all, c)
		}
	}
	return all
}

func curl() []Case {
	const status = ` -w ' %{http_code}' `
	const c = `curl -sS --cacert "$cert" `
	return []Case{
		{Does: "GET, offering HTTP/2 and HTTP/1.1", Response: "200 over HTTP/1.1, the first of `http.protocols`",
			Script: c + `-w ' %{http_code} %{http_version}' "$url/"`, Output: State + " 200 1.1"},
		{Does: "HEAD (`-I`)", Response: "200, the header fields of GET and no body",
			Script: c + `-I "$url/" | grep -ciE '^(HTTP/1.1 200|content-length: 10|etag: ")'`, Output: "3\n"},
		{Does: "HTTP/1.0 (`--http1.0`)", Response: "200, and the connection is closed",
			Script: c + status + `--http1.0 "$url/"`, Output: State + " 200"},
		{Does: "part of the state (`-r 0-3`)", Response: "206 and the part", Script: c + status + `-r 0-3 "$url/"`, Output: "0123 206"},
		{Does: "resume (`-C 4`)", Response: "206 and the rest", Script: c + `-C 4 "$url/"`, Output: "456789"},
		{Does: "a second read with the ETag (`--etag-compare`)", Response: "304 and no body",
			Script: c + `--etag-save etag "$url/" >first; ` + c + status + `--etag-compare etag "$url/"`, Output: " 304"},
		{Does: "accept compression (`--compressed`)", Response: "200, not compressed",
			Script: c + status + `--compressed "$url/"`, Output: State + " 200"},
		{Does: "write (`-d`) with a token", Response: "200 and `ok`", Script: c + status + `-H "$bearer" -d new "$url/"`, Output: "ok 200", Stored: "new"},
		{Does: "write without a token", Response: "401", Script: c + `-o body -w '%{http_code}' -d new "$url/"`, Output: "401"},
		{Does: "upload (`-X PUT --data-binary`) with `Expect: 100-continue`", Response: "100, then 200",
			Script: `printf new >file; ` + c + `-v -X PUT -H "$bearer" -H 'Expect: 100-continue' --data-binary @file "$url/" 2>&1 | grep -oE '^< HTTP/1.1 [0-9]+'`,
			Output: "< HTTP/1.1 100\n< HTTP/1.1 200\n", Stored: "new"},
		{Does: "upload (`-T file`): curl appends the file's name to the path `/`", Response: "404, nothing is written",
			Script: `printf new >file; ` + c + `-o body -w '%{http_code}' -H "$bearer" -T file "$url/"`, Output: "404"},
		{Does: "upload from a pipe (`-T -`), chunked", Response: "200 and `ok`",
			Script: `printf new | ` + c + `-H "$bearer" -T - "$url/"`, Output: "ok", Stored: "new"},
		{Does: "a condition that does not hold (`If-Match: \"other\"`)", Response: "412, nothing is written",
			Script: c + `-o body -w '%{http_code}' -H "$bearer" -H 'If-Match: "other"' -d new "$url/"`, Output: "412"},
		{Does: "an empty condition (`-H 'If-Match;'`)", Response: "400, nothing is written",
			Script: c + `-o body -w '%{http_code}' -H "$bearer" -H 'If-Match;' -d new "$url/"`, Output: "400"},
		{Does: "a compressed body (`Content-Encoding: gzip`)", Response: "415, nothing is written",
			Script: c + `-o body -w '%{http_code}' -H "$bearer" -H 'Content-Encoding: gzip' -d new "$url/"`, Output: "415"},
		{Does: "plain HTTP on the HTTPS port", Response: "400 and a sentence",
			Script: `curl -sS -w ' %{http_code}' "http://$host:$port/"`, Output: `(?i)[^\n]*https[^\n]*\n 400`},
		{Does: "whether the service is there (`/healthz`)", Response: "200 and `ok`", Script: c + status + `"$url/healthz"`, Output: "ok\n 200"},
		{Does: "a path that does not exist", Response: "404", Script: c + `-o body -w '%{http_code}' "$url/other"`, Output: "404"},
	}
}

func wget() []Case {
	const w = `wget -q --ca-certificate="$cert" `
	return []Case{
		{Does: "GET", Response: "200", Script: w + `-O - "$url/"`, Output: State},
		{Does: "whether the state is there (`--spider`)", Response: "200", Script: w + `--spider "$url/" && echo there`, Output: "there\n"},
		{Does: "resume (`-c`)", Response: "206 and the rest", Script: `printf 0123 >state; ` + w + `-c -O state "$url/"; cat state`, Output: State},
		{Does: "write (`--post-data`)", Response: "200 and `ok`", Script: w + `-O - --header="$bearer" --post-data=new "$url/"`, Output: "ok", Stored: "new"},
		{Does: "write (`--method=PUT --body-file`)", Response: "200 and `ok`",
			Script: `printf new >file; ` + w + `-O - --header="$bearer" --method=PUT --body-file=file "$url/"`, Output: "ok", Stored: "new"},
	}
}

func loadTools() []Case {
	return []Case{
		{Does: "`ab -k`: HTTP/1.0 with keep-alive", Response: "200, and connections are kept",
			Script: `ab -q -k -n 200 -c 4 "$url/" | awk '/^(Failed|Keep-Alive) requests|^Non-2xx/ { print $1, $NF }'`, Output: "Failed 0\nKeep-Alive 200\n"},
		{Does: "`ab`: HTTP/1.0, a connection for each request", Response: "200",
			Script: `ab -q -n 50 -c 4 "$url/" | awk '/^Failed requests|^Non-2xx/ { print $1, $NF }'`, Output: "Failed 0\n"},
		{Does: "`wrk`: HTTP/1.1", Response: "200", Script: `wrk -t 1 -c 4 -d 1s "$url/" | grep -cE 'Non-2xx|Socket errors' || true`, Output: "0\n"},
		{Does: "`h2load`: HTTP/2, 10 streams at a time", Response: "200",
			Script: `h2load -n 200 -c 2 -m 10 --npn-list=h2 "$url/" | grep -oE '^Application protocol: h2|[0-9]+ succeeded'`, Output: "Application protocol: h2\n200 succeeded\n"},
		{Does: "`h2load --h1`: HTTP/1.1", Response: "200",
			Script: `h2load --h1 -n 200 -c 2 "$url/" | grep -oE '[0-9]+ succeeded'`, Output: "200 succeeded\n"},
	}
}

func python() []Case {
	const run = `"$python" "$testdata/client.py" `
	return []Case{
		{Does: "`http.client`: two reads over one connection", Response: "200, and the connection is kept", Script: run + "read", Output: "200 200 same\n"},
		{Does: "`http.client`: PUT of an iterable, chunked", Response: "200 and `ok`", Script: run + "chunked", Output: "200 ok\n", Stored: "new"},
		{Does: "`http.client`: PUT without a body", Response: "200 and `ok`; `Content-Length: 0` empties the state", Script: run + "empty", Output: "200 ok\n", Stored: Empty},
		{Does: "`requests`: read and write in one session", Response: "200", Script: run + "requests", Output: "200 " + State + " 200 ok\n", Stored: "new"},
		{Does: "`requests`: a generator as the body, chunked", Response: "200 and `ok`", Script: run + "generator", Output: "200 ok\n", Stored: "new"},
	}
}

func node() []Case {
	const run = `NODE_EXTRA_CA_CERTS="$cert" node "$testdata/client.mjs" `
	return []Case{
		{Does: "`https` with a kept connection", Response: "200, and the connection is kept", Script: run + "https", Output: "200 200 same\n"},
		{Does: "`http2`", Response: "200 over HTTP/2", Script: run + "http2", Output: "200 " + State + "\n"},
		{Does: "`fetch`: read and write", Response: "200", Script: run + "fetch", Output: "200 " + State + " 200 ok\n", Stored: "new"},
		{Does: "`fetch`: a stream as the body, chunked", Response: "200 and `ok`", Script: run + "stream", Output: "200 ok\n", Stored: "new"},
	}
}

func java() []Case {
	const run = `java "$testdata/Client.java" `
	return []Case{
		{Does: "`HttpClient`, which prefers HTTP/2 and offers both", Response: "200 over HTTP/1.1", Script: run + "read", Output: "200 " + State + " HTTP_1_1\n"},
		{Does: "`HttpClient`: POST of a string", Response: "200 and `ok`", Script: run + "write", Output: "200 ok HTTP_1_1\n", Stored: "new"},
		{Does: "`HttpClient`: POST of an `InputStream`, chunked", Response: "200 and `ok`", Script: run + "stream", Output: "200 ok HTTP_1_1\n", Stored: "new"},
	}
}

func goClient() []Case {
	const run = `"$goclient" `
	return []Case{
		{Does: "`net/http` as it is", Response: "200 over HTTP/1.1", Script: run + "both", Output: "200 " + State + " HTTP/1.1\n"},
		{Does: "`net/http`, HTTP/2 alone", Response: "200 over HTTP/2", Script: run + "http2", Output: "200 " + State + " HTTP/2.0\n"},
		{Does: "`net/http`: a body of unknown length", Response: "200 and `ok`", Script: run + "stream", Output: "200 ok HTTP/1.1\n", Stored: "new"},
		{Does: "`net/http`, HTTP/2 alone: a body of unknown length", Response: "200 and `ok`", Script: run + "stream2", Output: "200 ok HTTP/2.0\n", Stored: "new"},
	}
}

func servers() []Case {
	const through = `curl -sS --cacert "$cert" --retry 20 --retry-connrefused --retry-delay 1 `
	return []Case{
		{Does: "nginx as in [proxies.md](proxies.md): read", Response: "200", Script: "proxy nginx\n" + through + `"https://$host:$proxy/state"`, Output: State},
		{Does: "nginx: write with a token", Response: "200 and `ok`",
			Script: "proxy nginx\n" + through + `-H "$bearer" -d new "https://$host:$proxy/state"`, Output: "ok", Stored: "new"},
		{Does: "HAProxy as in [proxies.md](proxies.md): read", Response: "200", Script: "proxy haproxy\n" + through + `"https://$host:$proxy/"`, Output: State},
		{Does: "HAProxy: write with a token, over HTTP/2 to HAProxy", Response: "200 and `ok`",
			Script: "proxy haproxy\n" + through + `--http2 -H "$bearer" -d new "https://$host:$proxy/"`, Output: "ok", Stored: "new"},
		{Does: "Prometheus: scrape", Response: "200; `up` is 1", Script: "scrape", Output: "1\n"},
	}
}
