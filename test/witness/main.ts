/**
 * A web server in the namespace that plays the internet, which writes down what is random about whoever visits
 * it: of each TLS connection what the client drew for it, of each page the values its script drew.
 *
 *     node test/witness/main.ts --address ADDRESS --host-name NAME --authority FILE
 *
 * Prints one JSON line per visit, `{vm, values}`, after a first one, `{"port"}`. Ends on SIGTERM.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { type Authority, makeLeaf } from '../identity-provider/authority.ts';
import { readClientHello } from './client-hello.ts';

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    'host-name': { type: 'string' },
    authority: { type: 'string' },
  },
});

/** Draws from everything a page can draw from, and sends it back over a connection of its own. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>Clone</title><script>
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
addEventListener('load', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const connection = new RTCPeerConnection();
  connection.createDataChannel('clone');
  const { sdp } = await connection.createOffer();
  connection.close();
  const values = {
    getRandomValues: hex(crypto.getRandomValues(new Uint8Array(32))),
    randomUUID: crypto.randomUUID(),
    mathRandom: String(Math.random()) + String(Math.random()),
    generatedKey: hex(await crypto.subtle.exportKey('raw', keys.publicKey)),
    iceUserFragment: /a=ice-ufrag:(.*)/.exec(sdp)[1].trim(),
    icePassword: /a=ice-pwd:(.*)/.exec(sdp)[1].trim(),
    dtlsFingerprint: /a=fingerprint:(.*)/.exec(sdp)[1].trim(),
    blobAddress: URL.createObjectURL(new Blob(['x'])),
    unixTimeMs: String(Date.now()),
  };
  await fetch(location.href, { method: 'POST', body: JSON.stringify(values) });
});
</script>`;

const { address, 'host-name': hostName, authority } = values;
if (!address || !hostName || !authority) throw new Error('--address, --host-name and --authority are needed');

const leaf = await makeLeaf(JSON.parse(readFileSync(authority, 'utf8')) as Authority, [hostName]);
/** By the client's port. */
const hellos = new Map<number | undefined, Record<string, string>>();
const say = (entry: object) => console.log(JSON.stringify(entry));

const https = createHttpsServer({ cert: leaf.certificate, key: leaf.privateKey }, (request, response) => {
  const vm = new URL(request.url ?? '/', 'https://host').searchParams.get('vm');
  const hello = hellos.get(request.socket.remotePort);
  hellos.delete(request.socket.remotePort);
  if (vm !== null && hello !== undefined) say({ vm, values: hello });
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
    response.end(PAGE);
    return;
  }
  let text = '';
  request.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  request.once('end', () => {
    say({ vm, values: JSON.parse(text) as object });
    response.writeHead(204).end();
  });
});
const server = createServer((socket: Socket) => {
  let bytes = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const hello = readClientHello(bytes);
    if (hello === null) return;
    socket.off('data', read);
    socket.pause();
    socket.unshift(bytes);
    hellos.set(socket.remotePort, hello);
    https.emit('connection', socket);
  };
  socket.on('data', read).on('error', () => socket.destroy());
});
server.listen(0, address);
await once(server, 'listening');
say({ port: (server.address() as AddressInfo).port });
process.once('SIGTERM', () => process.exit(0));
