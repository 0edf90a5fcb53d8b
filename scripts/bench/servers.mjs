// Starts and stops the two servers, and reads from /proc what they use (on Linux).
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from './http.mjs';
import { socketPath } from './postgres.mjs';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const TARGET = path.resolve(PROJECT, process.env.CARGO_TARGET_DIR ?? 'target');
const ORIGINAL = path.join(PROJECT, 'node_modules/sillytavern');
const START_LIMIT = 300_000;
const STOP_LIMIT = 30_000;

/**
 * Ends the original when this program is killed: its standard input closes then. Only in the main thread: the threads
 * that bundle the frontend inherit the option, have an empty standard input, and must not end because of it.
 */
const WATCHDOG = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
`)}`;

/** What both servers are configured with: the defaults, but no browser, no name look-ups and no downloads. */
const CONFIG = 'browserLaunch:\n  enabled: false\nwhitelistDockerHosts: false\nenableDownloadableTokenizers: false\n';

/** The path of one of our programs, checked to be there. */
export function program(name) {
  const file = path.join(TARGET, 'release', name);
  if (!fs.existsSync(file)) throw new Error(`${file} is missing: run \`make build\` first, or measure with --only original`);
  return file;
}

const running = new Set();

/** The original on a data root; `extra` is added to its config.yaml. @returns {Promise<Server>} */
export async function startOriginal(name, dataRoot, log, extra = '') {
  if (!fs.existsSync(path.join(ORIGINAL, 'server.js'))) throw new Error(`${ORIGINAL} is missing: run \`make build\` first`);
  const port = await freePort();
  const args = ['--import', WATCHDOG, 'server.js', '--dataRoot', path.resolve(dataRoot), '--configPath', configFile(log, extra), '--port', String(port)];
  const server = new Server(name, log, process.execPath, args, { cwd: ORIGINAL, env: { ...process.env, NODE_ENV: 'production' } });
  await server.ready(async () => ((await answers(port)) ? `http://127.0.0.1:${port}` : null));
  return server;
}

/** Our server on a data folder; `extra` is added to its config.yaml, `executable` is ours by default. @returns {Promise<Server>} */
export async function startOurs(name, dataDir, log, extra = '', executable = program('squaretable'), variables = {}) {
  const args = ['serve', '--port', '0', '--data-dir', path.resolve(dataDir), '--config', configFile(log, extra)];
  const env = { ...process.env, DATABASE_URL: '', REDIS_URL: '', RUST_LOG: 'warn', ...variables };
  const server = new Server(name, log, executable, args, { cwd: PROJECT, env });
  server.dataDir = dataDir;
  await server.ready(async () => /listening on (http:\/\/\S+)/.exec(fs.readFileSync(log, 'utf8'))?.[1]);
  return server;
}

/** A Redis on a socket, empty. Returns what `REDIS_URL` would be. */
export async function startRedis(socket) {
  const args = ['--port', '0', '--save', '', '--appendonly', 'no', '--unixsocket', socket];
  const server = new Server('redis', `${socket}.log`, 'redis-server', args, { cwd: PROJECT });
  await server.ready(async () => (fs.existsSync(socket) ? socket : null));
  return `redis+unix://${socket}`;
}

/** Imports a data root into a new data folder of ours. Returns the seconds it took. */
export function importRoot(dataRoot, dataDir) {
  const start = performance.now();
  const args = ['import', path.resolve(dataRoot), '--data-dir', path.resolve(dataDir)];
  const { status, error } = spawnSync(program('squaretable-importer'), args, { cwd: PROJECT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error) throw error;
  if (status !== 0) throw new Error(`squaretable-importer ${args.join(' ')} ended with status ${status}`);
  return (performance.now() - start) / 1000;
}

function configFile(log, extra = '') {
  const file = `${log}.config.yaml`;
  fs.writeFileSync(file, CONFIG + extra);
  return file;
}

export class Server {
  constructor(name, log, command, args, options) {
    this.name = name;
    this.log = log;
    this.started = performance.now();
    const output = fs.openSync(log, 'w');
    // A group of its own: Ctrl-C reaches this program alone, which then stops the servers in order.
    this.child = spawn(command, args, { ...options, stdio: ['pipe', output, output], detached: true });
    fs.closeSync(output);
    this.ended = new Promise((resolve) => {
      this.child.once('exit', resolve);
      this.child.once('error', (error) => {
        this.failure = error;
        resolve();
      });
    });
    this.ended.then(() => running.delete(this));
    running.add(this);
  }

  get alive() {
    return !this.failure && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Asks `address` until it gives one; sets `base` and `startSeconds`. */
  async ready(address) {
    while (!(this.base = await address())) {
      if (!this.alive) throw new Error(`${this.name} ended before it answered${this.failure ? `: ${this.failure.message}` : ''}\n${this.lastLines()}`);
      if (performance.now() - this.started > START_LIMIT) throw new Error(`${this.name} does not answer\n${this.lastLines()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.startSeconds = (performance.now() - this.started) / 1000;
  }

  async logIn(encoding) {
    this.client = new Client(this.base, encoding);
    await this.client.logIn();
  }

  /** SIGTERM, and SIGKILL when that does not help. */
  async stop() {
    this.client?.close();
    if (!this.alive) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT);
    await this.ended;
    clearTimeout(timer);
  }

  /** The address of the PostgreSQL that this server started. */
  databaseUrl() {
    const folder = path.dirname(socketPath(this.dataDir));
    return `postgres://squaretable@localhost/squaretable?host=${encodeURIComponent(folder)}`;
  }

  lastLines() {
    return fs.readFileSync(this.log, 'utf8').split('\n').slice(-30).join('\n');
  }

  /** Bytes the process itself gave to write calls since its start, sockets included; null where /proc cannot tell. */
  written() {
    const io = readProc(this.child.pid, 'io');
    return io === null ? null : Number(/^wchar: (\d+)/m.exec(io)[1]);
  }

  /** Peak memory in bytes, and what its child processes hold now: `{peak, children: {count, proportional}}`. */
  memory() {
    const status = readProc(this.child.pid, 'status');
    if (status === null) return null;
    const shares = descendants(this.child.pid).map((pid) => /^Pss:\s+(\d+)/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1]);
    const proportional = shares.includes(undefined) ? null : shares.reduce((sum, share) => sum + Number(share) * 1024, 0);
    return { peak: Number(/^VmHWM:\s+(\d+)/m.exec(status)[1]) * 1024, children: { count: shares.length, proportional } };
  }
}

/** Stops everything that was started. */
export async function stopAll() {
  await Promise.all([...running].map((server) => server.stop()));
}

/** The last resort, when there is no time to wait. */
process.on('exit', () => {
  for (const server of running) server.child.kill('SIGTERM');
});

/** A file of a process in /proc; null where there is none. */
export function readProc(pid, file) {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}

/** Process ids below `pid`, at any depth. */
export function descendants(pid) {
  if (!fs.existsSync('/proc')) return [];
  const parents = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => [Number(name), Number(/^PPid:\s+(\d+)/m.exec(readProc(name, 'status') ?? '')?.[1])]);
  const below = (parent) => parents.filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function answers(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/csrf-token`)).ok;
  } catch {
    return false;
  }
}
