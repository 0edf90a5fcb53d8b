// Measures the memory that files of any size take on their way in and out: one chat, and one entry of an archive.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';
import { header, message } from './data/chats.mjs';
import { Random } from './data/random.mjs';
import { NEWEST } from './data/root.mjs';
import { machine, markdown, size } from './bench/report.mjs';
import { program, PROJECT } from './bench/servers.mjs';
import { watch } from './bench/watch.mjs';

const USAGE = `Usage: node scripts/large-import.mjs [options]
  --chat BYTES     size of the chat (1e9)
  --entry BYTES    size of the archive's entry (5e8)
  --importer FILE  squaretable-importer (target/release)
  --keep           leave the folders in target/large-import`;

const FOLDER = path.join(PROJECT, 'target/large-import');
/** Different messages; the rest of the chat repeats their text, each under a number of its own. */
const TEXTS = 2000;
const PIECE = 1 << 20;

/** Writes a chat of at least `bytes` bytes. */
function writeChat(file, bytes) {
  const random = new Random('large chat');
  const texts = Array.from({ length: TEXTS }, (_, index) => message(random, { name: 'Ada', isUser: index % 2 === 1, at: NEWEST, length: 600 }));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const out = fs.openSync(file, 'w');
  let piece = JSON.stringify(header(random));
  let written = 0;
  for (let number = 0; written < bytes; number++) {
    piece += `\n${JSON.stringify({ ...texts[number % TEXTS], number })}`;
    if (piece.length >= PIECE) {
      written += fs.writeSync(out, piece);
      piece = '';
    }
  }
  fs.writeSync(out, piece);
  fs.closeSync(out);
}

/** Writes a user's backup with one large stored entry beside a settings file. */
function writeZip(file, bytes) {
  const large = Buffer.alloc(PIECE);
  for (let at = 0; at < PIECE; at += 4) large.writeUInt32LE((at * 2654435761) >>> 0, at);
  const count = Math.ceil(bytes / PIECE);
  let crc = 0;
  for (let left = count; left > 0; left--) crc = zlib.crc32(large, crc);
  const entries = [
    { name: 'settings.json', crc: zlib.crc32('{}'), size: 2, write: (out) => fs.writeSync(out, '{}') },
    { name: 'characters/readme.txt', crc: zlib.crc32('x'), size: 1, write: (out) => fs.writeSync(out, 'x') },
    { name: 'user/files/large.bin', crc, size: count * PIECE, write: (out) => Array.from({ length: count }, () => fs.writeSync(out, large)) },
  ];
  const out = fs.openSync(file, 'w');
  let offset = 0;
  const table = entries.map((entry) => {
    const fields = zipFields(entry);
    const head = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(entry.name)]);
    fs.writeSync(out, head);
    entry.write(out);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    offset += head.length + entry.size;
    return Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), fields, place, Buffer.from(entry.name)]);
  });
  const directory = Buffer.concat(table);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  fs.writeSync(out, Buffer.concat([directory, Buffer.from('PK\x05\x06', 'latin1'), end]));
  fs.closeSync(out);
}

/** From the version to the lengths of name and extra field: the same in both of an entry's headers. */
function zipFields({ name, crc, size: bytes }) {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(0x21, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(bytes, 14);
  fields.writeUInt32LE(bytes, 18);
  fields.writeUInt16LE(Buffer.byteLength(name), 22);
  return fields;
}

async function main() {
  const { values } = parseArgs({ options: { chat: { type: 'string' }, entry: { type: 'string' }, importer: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) return console.log(USAGE);
  const importer = values.importer ?? program('squaretable-importer');
  fs.rmSync(FOLDER, { recursive: true, force: true });
  const [data, root] = ['data', 'root'].map((name) => path.join(FOLDER, name));
  const chat = path.join(root, 'default-user/chats/Ada/large.jsonl');
  const archive = path.join(FOLDER, 'default-user-20260101-120000.zip');
  writeChat(chat, Number(values.chat ?? 1e9));
  fs.chmodSync(FOLDER, 0o755);
  writeZip(archive, Number(values.entry ?? 5e8));
  const target = ['--data-dir', data, '--quiet'];
  const table = [];
  const step = async (name, args) => {
    const { seconds, peak } = await watch(importer, [...args, ...target]);
    table.push([name, seconds.toFixed(1), size(peak.own), size(peak.others)]);
  };
  await step(`import a chat of ${size(fs.statSync(chat).size)}`, ['import', root, '--yes']);
  await step('import it again', ['import', root, '--yes']);
  await step('verify --deep', ['verify', root, '--deep']);
  await step(`import an archive of ${size(fs.statSync(archive).size)}`, ['import', archive, '--yes', '--on-conflict', 'newer']);
  await step('export', ['export', path.join(FOLDER, 'out'), '--all-users']);
  console.log(`${machine()}\n\n${markdown(['What', 'seconds', 'peak memory', 'of PostgreSQL'], table)}`);
  if (!values.keep) fs.rmSync(FOLDER, { recursive: true, force: true });
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
