"""Requests by Python's http.client and by requests. Prints statuses and bodies."""
import http.client
import os
import ssl
import sys

url, cert = os.environ["url"], os.environ["cert"]
bearer = {"Authorization": "Bearer " + os.environ["token"]}


def connection():
    context = ssl.create_default_context(cafile=cert)
    return http.client.HTTPSConnection("localhost", int(os.environ["port"]), context=context)


def read():
    conn = connection()
    conn.request("GET", "/")
    first = conn.getresponse()
    first.read()
    socket = conn.sock
    conn.request("GET", "/")
    second = conn.getresponse()
    second.read()
    print(first.status, second.status, "same" if conn.sock is socket else "another")


def put(body):
    conn = connection()
    conn.request("PUT", "/", body=body, headers=bearer)
    response = conn.getresponse()
    print(response.status, response.read().decode())


def session():
    import requests

    with requests.Session() as s:
        got = s.get(url + "/", verify=cert)
        put = s.put(url + "/", data="new", headers=bearer, verify=cert)
        print(got.status_code, got.text, put.status_code, put.text)


def generator():
    import requests

    response = requests.put(url + "/", data=iter([b"n", b"ew"]), headers=bearer, verify=cert)
    print(response.status_code, response.text)


{
    "read": read,
    "chunked": lambda: put(iter([b"n", b"ew"])),
    "empty": lambda: put(None),
    "requests": session,
    "generator": generator,
}[sys.argv[1]]()
