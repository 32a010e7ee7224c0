import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'vite';

const PACKAGE = new URL('../..', import.meta.url).pathname;

/** Somebody else's site: the plain example, the built bundle, and the controller's API behind the same origin. */
export class Embedder {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `directory`: for the bundle; the caller removes it. */
  static async start(controllerUrl: string, directory: string): Promise<Embedder> {
    const outDir = join(directory, 'embed');
    await build({
      root: PACKAGE,
      configFile: join(PACKAGE, 'vite.embed.config.ts'),
      logLevel: 'error',
      build: { outDir },
    });
    const server = createServer((incoming, outgoing) => {
      const path = incoming.url ?? '/';
      if (path.startsWith('/api/')) {
        // With its own Host header, as a reverse proxy passes it on.
        const options = { method: incoming.method ?? 'GET', headers: incoming.headers };
        const onward = request(new URL(path, controllerUrl), options, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        });
        onward.on('error', () => outgoing.destroy());
        outgoing.on('close', () => onward.destroy());
        incoming.pipe(onward);
        return;
      }
      const file =
        path === '/' ? join(PACKAGE, 'examples/embed.html') : join(outDir, path.replaceAll('..', ''));
      readFile(file).then(
        (content) =>
          outgoing.setHeader('content-type', path === '/' ? 'text/html' : 'text/javascript').end(content),
        () => outgoing.writeHead(404).end(),
      );
    });
    // It passes no WebSocket, as some do.
    server.on('upgrade', (_incoming, socket) => socket.end('HTTP/1.1 501 Not Implemented\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Embedder(server);
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
