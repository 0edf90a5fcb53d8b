// Questions to the embedded PostgreSQL, and data for it. The protocol is PostgreSQL's own, version 3; the server lets the
// user who runs it in by its Unix identity, so there is no password to send.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const ROLE = 'squaretable';
const PROTOCOL = 3 << 16;

/** Bytes of write-ahead log since the cluster was made. */
export async function walBytes(dataDir) {
  const session = await Session.open(dataDir);
  const value = await session.query("SELECT (pg_current_wal_insert_lsn() - '0/0')::text");
  session.end();
  return Number(value);
}

/** The socket is in the data folder, unless that path is too long for one; then a file says where it is. */
export function socketPath(dataDir) {
  const folder = path.resolve(dataDir, 'postgres');
  const inside = path.join(folder, 'socket', '.s.PGSQL.5432');
  if (fs.existsSync(inside)) return inside;
  return path.join(fs.readFileSync(path.join(folder, 'socket-path'), 'utf8').trim(), '.s.PGSQL.5432');
}

/** A connection to the server's database. One statement at a time. */
export class Session {
  /** @returns {Promise<Session>} */
  static async open(dataDir) {
    const session = new Session(socketPath(dataDir));
    session.socket.write(packet('', Buffer.concat([int32(PROTOCOL), text('user'), text(ROLE), text('database'), text(ROLE), text('')])));
    await session.until('Z');
    return session;
  }

  constructor(socketFile) {
    this.pending = Buffer.alloc(0);
    this.socket = net.connect(socketFile);
    const fail = (error) => {
      this.failure = new Error(`PostgreSQL at ${socketFile}: ${error.message}`);
      this.socket.destroy();
      this.waiter?.reject(this.failure);
    };
    this.socket.on('error', fail);
    this.socket.on('close', () => fail(this.failure ?? new Error('it closed the connection')));
    this.socket.on('data', (data) => this.take(data, fail));
  }

  take(data, fail) {
    this.pending = Buffer.concat([this.pending, data]);
    while (this.pending.length >= 5 && this.pending.length > this.pending.readUInt32BE(1)) {
      const type = String.fromCharCode(this.pending[0]);
      const body = this.pending.subarray(5, 1 + this.pending.readUInt32BE(1));
      this.pending = this.pending.subarray(1 + this.pending.readUInt32BE(1));
      if (type === 'E') return fail(new Error(body.toString().split('\0').find((field) => field.startsWith('M')) ?? 'an error'));
      if (type === 'R' && body.readUInt32BE(0) !== 0) return fail(new Error('it asks for a password'));
      if (type === 'D') this.value = body.subarray(6).toString();
      if (type === this.waiter?.type) this.waiter.resolve();
    }
  }

  /** Waits for a message of this type. */
  until(type) {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.waiter = { type, resolve, reject };
    });
  }

  /** Runs a statement; the answer is the first column of the last row, as text. */
  async query(sql) {
    this.value = undefined;
    this.socket.write(packet('Q', text(sql)));
    await this.until('Z');
    return this.value;
  }

  /** Runs `COPY … FROM STDIN` with pieces of data. */
  async copy(sql, pieces) {
    this.socket.write(packet('Q', text(sql)));
    await this.until('G');
    for await (const piece of pieces) {
      if (this.failure) throw this.failure;
      if (!this.socket.write(packet('d', piece))) await new Promise((resolve) => this.socket.once('drain', resolve));
    }
    this.socket.write(packet('c', Buffer.alloc(0)));
    await this.until('Z');
  }

  end() {
    this.failure = new Error('the connection was ended');
    this.socket.end(packet('X', Buffer.alloc(0)));
  }
}

const text = (value) => Buffer.from(`${value}\0`);

function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function packet(type, body) {
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}
