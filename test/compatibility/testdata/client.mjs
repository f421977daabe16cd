// Requests by Node's https, http2 and fetch. Prints statuses and bodies.
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';

const { url, cert, token } = process.env;
const headers = { Authorization: 'Bearer ' + token };

function get(agent) {
  return new Promise((resolve, reject) => {
    https.get(url + '/', { agent, ca: fs.readFileSync(cert) }, (response) => {
      const { socket } = response;
      response.resume().on('end', () => resolve({ status: response.statusCode, socket }));
    }).on('error', reject);
  });
}

const commands = {
  async https() {
    const agent = new https.Agent({ keepAlive: true });
    const first = await get(agent);
    const second = await get(agent);
    console.log(first.status, second.status, first.socket === second.socket ? 'same' : 'another');
    agent.destroy();
  },
  http2() {
    return new Promise((resolve, reject) => {
      const session = http2.connect(url, { ca: fs.readFileSync(cert) }).on('error', reject);
      const request = session.request({ ':path': '/' });
      let status, body = '';
      request.on('response', (fields) => { status = fields[':status']; });
      request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => { console.log(status, body); session.close(); resolve(); });
    });
  },
  async fetch() {
    const read = await fetch(url + '/');
    const text = await read.text();
    const write = await fetch(url + '/', { method: 'PUT', body: 'new', headers });
    console.log(read.status, text, write.status, await write.text());
  },
  async stream() {
    const body = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('new')); c.close(); } });
    const write = await fetch(url + '/', { method: 'PUT', body, headers, duplex: 'half' });
    console.log(write.status, await write.text());
  },
};
await commands[process.argv[2]]();
