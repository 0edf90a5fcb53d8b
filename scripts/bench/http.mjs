// A client that behaves like one browser: a cookie, a CSRF token, one connection kept open.
import http from 'node:http';
import zlib from 'node:zlib';

const DECODERS = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync, deflate: zlib.inflateSync, identity: (bytes) => bytes };

export class Client {
  /**
   * @param {string} base `http://127.0.0.1:<port>`
   * @param {string} encoding what to send as Accept-Encoding
   */
  constructor(base, encoding) {
    this.base = base;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.headers = { 'accept-encoding': encoding };
  }

  /** Fetches the cookie and the token that every POST needs. */
  async logIn() {
    const reply = await this.send('GET', '/csrf-token');
    if (reply.status !== 200) throw new Error(`${this.base}/csrf-token answered ${reply.status}`);
    this.headers['x-csrf-token'] = JSON.parse(decoded(reply)).token;
    const cookies = reply.headers['set-cookie'] ?? [];
    this.headers.cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
  }

  /** A request whose whole reply is wanted: `{status, headers, body}`, the body as it came over the wire. */
  send(method, path, body) {
    return this.exchange(method, path, body, []);
  }

  /** A request that is measured: `{status, headers, bytes, milliseconds}`, until the last byte of the body is here. */
  async time(method, path, body) {
    // The server may close a connection that was idle while the other one was being measured.
    await this.send('GET', '/csrf-token');
    const start = performance.now();
    const reply = await this.exchange(method, path, body, null);
    return { ...reply, milliseconds: performance.now() - start };
  }

  exchange(method, path, body, kept) {
    const headers = { ...this.headers };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(path, this.base), { method, headers, agent: this.agent }, (response) => {
        let bytes = 0;
        response.on('data', (chunk) => {
          bytes += chunk.length;
          kept?.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, bytes, body: kept && Buffer.concat(kept) }));
      });
      request.on('error', (error) => reject(new Error(`${method} ${this.base}${path}: ${error.message}`)));
      request.end(body);
    });
  }

  close() {
    this.agent.destroy();
  }
}

/** The body of a reply without its content encoding. */
export function decoded(reply) {
  const encoding = reply.headers['content-encoding'] ?? 'identity';
  const decode = DECODERS[encoding];
  if (!decode) throw new Error(`a reply came in the unknown encoding ${encoding}`);
  return decode(reply.body);
}
