// One question to the embedded PostgreSQL: how much write-ahead log it has written. The protocol is PostgreSQL's own,
// version 3; the server lets the user who runs it in by its Unix identity, so there is no password to send.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const ROLE = 'squaretable';
const PROTOCOL = 3 << 16;

/** Bytes of write-ahead log since the cluster was made. */
export async function walBytes(dataDir) {
  const value = await query(socketPath(dataDir), "SELECT (pg_current_wal_insert_lsn() - '0/0')::text");
  return Number(value);
}

/** The socket is in the data folder, unless that path is too long for one; then a file says where it is. */
function socketPath(dataDir) {
  const folder = path.resolve(dataDir, 'postgres');
  const inside = path.join(folder, 'socket', '.s.PGSQL.5432');
  if (fs.existsSync(inside)) return inside;
  return path.join(fs.readFileSync(path.join(folder, 'socket-path'), 'utf8').trim(), '.s.PGSQL.5432');
}

/** Runs a query that gives one row with one column, as text. */
function query(socketFile, sql) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketFile);
    const fail = (error) => {
      socket.destroy();
      reject(new Error(`PostgreSQL at ${socketFile}: ${error.message}`));
    };
    let pending = Buffer.alloc(0);
    let asked = false;
    let value;
    socket.on('error', fail);
    socket.on('connect', () => socket.write(packet('', Buffer.concat([int32(PROTOCOL), text('user'), text(ROLE), text('database'), text(ROLE), text('')]))));
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 5 && pending.length > pending.readUInt32BE(1)) {
        const type = String.fromCharCode(pending[0]);
        const body = pending.subarray(5, 1 + pending.readUInt32BE(1));
        pending = pending.subarray(1 + pending.readUInt32BE(1));
        if (type === 'E') return fail(new Error(body.toString().split('\0').find((field) => field.startsWith('M')) ?? 'an error'));
        if (type === 'R' && body.readUInt32BE(0) !== 0) return fail(new Error('it asks for a password'));
        if (type === 'D') value = body.subarray(6).toString();
        if (type === 'Z') {
          if (asked) {
            socket.end(packet('X', Buffer.alloc(0)));
            return resolve(value);
          }
          asked = true;
          socket.write(packet('Q', text(sql)));
        }
      }
    });
    socket.on('close', () => reject(new Error(`PostgreSQL at ${socketFile} closed the connection`)));
  });
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
