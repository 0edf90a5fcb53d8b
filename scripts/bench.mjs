// Measures the server with the original beside it: the same data, the same requests, in turns. See docs/BENCHMARKS.md.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { dataOptions, generate, OPTIONS } from './generate-data.mjs';
import { decoded } from './bench/http.mjs';
import { walBytes } from './bench/postgres.mjs';
import { machine, markdown, median, requestTable, size } from './bench/report.mjs';
import { append, measuredRequests } from './bench/requests.mjs';
import { importRoot, PROJECT, program, startOriginal, startOurs, stopAll } from './bench/servers.mjs';

const USAGE = `Usage: node scripts/bench.mjs [options]
  --rounds R         measured requests of each kind to each server (15)
  --appends A        messages appended to the long chat to see what a save writes, 11 s each (3; 0 skips this)
  --filter TEXT      only requests whose name contains TEXT
  --encoding LIST    Accept-Encoding of the requests ("gzip, deflate, br", as browsers send it over plain HTTP)
  --only original    measure one server alone; or --only ours
  --self             measure the original against itself: shows how much of a difference is noise
  --json FILE        also write every single measurement
  --keep             leave the data folders of the run in target/bench/run
The options of scripts/generate-data.mjs choose the data: --cards, --chats, --messages, --big-chat, --many-chats, --seed, --awkward.`;

const FOLDER = path.join(PROJECT, 'target/bench');
const RUN = path.join(FOLDER, 'run');
const WARM_UPS = 2;
/** The original backs a chat up at most every 10 s; saves further apart show the whole cost of a message. */
const APPEND_PAUSE = 11_000;

function parseOptions() {
  const { values } = parseArgs({
    options: {
      ...OPTIONS, rounds: { type: 'string' }, appends: { type: 'string' }, filter: { type: 'string' }, encoding: { type: 'string' },
      only: { type: 'string' }, self: { type: 'boolean' }, json: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
    },
  });
  const count = (name, fallback, least) => {
    const number = Number(values[name] ?? fallback);
    if (!Number.isInteger(number) || number < least) throw new Error(`--${name}: expected a whole number of at least ${least}`);
    return number;
  };
  if (![undefined, 'original', 'ours'].includes(values.only)) throw new Error('--only: expected original or ours');
  if (values.self && values.only) throw new Error('--self and --only exclude each other');
  return {
    ...values, rounds: count('rounds', 15, 1), appends: count('appends', 3, 0), encoding: values.encoding ?? 'gzip, deflate, br', data: dataOptions(values),
  };
}

/** The servers to run: name and kind. */
function contestants({ only, self }) {
  if (self) return [{ name: 'original', kind: 'original' }, { name: 'original-2', kind: 'original' }];
  return ['original', 'ours'].filter((kind) => !only || only === kind).map((kind) => ({ name: kind, kind }));
}

/**
 * The data root for these options, made once: generated, then started once in the original, which adds its default
 * content. Returns `{root, data}`.
 */
async function preparedRoot(options) {
  const folder = path.join(FOLDER, 'roots', cacheKey(options));
  const [root, manifest] = [path.join(folder, 'data'), path.join(folder, 'manifest.json')];
  if (!fs.existsSync(manifest)) {
    console.error('generating the data');
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    const data = generate(root, options);
    const server = await startOriginal('original', root, path.join(folder, 'first-start.log'));
    await server.stop();
    fs.writeFileSync(manifest, JSON.stringify(data));
  }
  return { root, data: JSON.parse(fs.readFileSync(manifest, 'utf8')) };
}

/** Depends on the options and on the generator itself. */
function cacheKey(options) {
  const hash = crypto.createHash('sha256').update(JSON.stringify(options));
  const parts = path.join(PROJECT, 'scripts/data');
  for (const file of [path.join(PROJECT, 'scripts/generate-data.mjs'), ...fs.readdirSync(parts).sort().map((name) => path.join(parts, name))]) {
    hash.update(fs.readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Gives the server a copy of the data and starts it. */
async function start({ name, kind }, root, encoding) {
  const [folder, log] = [path.join(RUN, name), path.join(RUN, `${name}.log`)];
  let importSeconds;
  if (kind === 'ours') {
    console.error('importing the data');
    importSeconds = importRoot(root, folder);
  } else {
    fs.cpSync(root, folder, { recursive: true, preserveTimestamps: true });
  }
  const server = await (kind === 'ours' ? startOurs : startOriginal)(name, folder, log);
  await server.logIn(encoding);
  return Object.assign(server, { importSeconds, memoryAtStart: server.memory() });
}

/** Measures one kind of request on all servers, in turns: A B, B A, A B … */
async function measure(request, servers, rounds) {
  const available = (request.turns ?? Infinity) - WARM_UPS;
  if (available < 1) return null;
  for (const server of servers) await request.prepare?.(server);
  const results = servers.map(() => ({ times: [], status: new Set(), bytes: 0, plain: 0 }));
  for (let turn = 0; turn < WARM_UPS; turn++) {
    for (const [index, server] of servers.entries()) await warmUp(request.make(server, turn), server, results[index]);
  }
  for (let round = 0; round < Math.min(rounds, available); round++) {
    const order = round % 2 ? [...servers.keys()].reverse() : [...servers.keys()];
    for (const index of order) {
      const { method, path: url, body } = request.make(servers[index], WARM_UPS + round);
      const reply = await servers[index].client.time(method, url, body);
      results[index].times.push(reply.milliseconds);
      results[index].status.add(reply.status);
      results[index].bytes = reply.bytes;
    }
  }
  return { name: request.name, results, note: remark(results) };
}

async function warmUp({ method, path: url, body }, server, result) {
  const reply = await server.client.send(method, url, body);
  result.status.add(reply.status);
  result.plain = decoded(reply).length;
}

/** Says when the servers did not answer alike, so that a wrong answer never passes for a fast one. */
function remark(results) {
  const statuses = results.map(({ status }) => [...status].join('+'));
  if (statuses.some((status) => status !== '200')) return `status ${statuses.join(' / ')}`;
  const sizes = results.map(({ plain }) => plain);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return most - least > Math.max(200, most / 50) ? `decoded ${sizes.map(size).join(' / ')}` : '';
}

/** What the storage under each server gets to write for one message appended to the long chat. */
async function measureAppends(servers, chat, count) {
  const request = append('appends', chat);
  for (const server of servers) await request.prepare(server);
  const rows = servers.map((server) => ({ name: server.name, atReply: [], later: [] }));
  for (let turn = 0; turn < count; turn++) {
    const before = [];
    for (const [index, server] of servers.entries()) {
      const { method, path: url, body } = request.make(server, turn);
      before.push(await writtenBy(server));
      const reply = await server.client.time(method, url, body);
      if (reply.status !== 200) throw new Error(`${server.name} answered ${reply.status} to a save`);
      rows[index].atReply.push((await writtenBy(server)) - before[index]);
    }
    await new Promise((resolve) => setTimeout(resolve, APPEND_PAUSE));
    for (const [index, server] of servers.entries()) rows[index].later.push((await writtenBy(server)) - before[index]);
  }
  return rows;
}

function writtenBy(server) {
  return server.dataDir ? walBytes(server.dataDir) : server.written() ?? NaN;
}

function appendTable(rows) {
  const cells = (values) => (values.some(Number.isNaN) ? 'unknown' : `${size(median(values))} (${size(Math.min(...values))}–${size(Math.max(...values))})`);
  return markdown(['One message appended to the long chat', 'written at the reply', `${APPEND_PAUSE / 1000} s later`],
    rows.map(({ name, atReply, later }) => [name, cells(atReply), cells(later)]));
}

function serverTable(servers) {
  const rows = servers.map((server) => {
    const end = server.memory();
    const children = end?.children.count ? `${size(end.children.proportional)} in ${end.children.count} processes` : 'none';
    const imported = server.importSeconds === undefined ? '-' : `${server.importSeconds.toFixed(1)} s`;
    return [server.name, imported, `${server.startSeconds.toFixed(2)} s`, size(server.memoryAtStart?.peak ?? null), size(end?.peak ?? null), children];
  });
  return markdown(['Server', 'import', 'start', 'peak memory at start', 'peak memory at the end', 'child processes'], rows);
}

async function run(options) {
  const kinds = contestants(options);
  if (kinds.some(({ kind }) => kind === 'ours')) for (const name of ['squaretable', 'squaretable-importer']) program(name);
  const { root, data } = await preparedRoot(options.data);
  fs.rmSync(RUN, { recursive: true, force: true });
  fs.mkdirSync(RUN, { recursive: true });
  const servers = [];
  for (const kind of kinds) servers.push(await start(kind, root, options.encoding));
  const rows = [];
  for (const request of measuredRequests(data).filter(({ name }) => name.includes(options.filter ?? ''))) {
    console.error(request.name);
    const row = await measure(request, servers, options.rounds);
    if (row) rows.push(row);
  }
  const appends = data.chats.big && options.appends > 0 ? await measureAppends(servers, data.chats.big, options.appends) : [];
  const report = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}`,
    `${data.avatars.length} cards, ${data.files} files, ${size(data.bytes)}; up to ${options.rounds} rounds; Accept-Encoding: ${options.encoding}`,
    requestTable(servers.map(({ name }) => name), rows), serverTable(servers), ...(appends.length ? [appendTable(appends)] : []),
  ];
  console.log(report.join('\n\n'));
  if (options.json) writeJson(options, servers, rows, appends);
}

function writeJson(options, servers, rows, appends) {
  const requests = rows.map(({ name, results, note }) => ({
    name, note, servers: results.map((result, index) => ({ name: servers[index].name, median: median(result.times), ...result, status: [...result.status] })),
  }));
  const memory = servers.map((server) => ({
    name: server.name, importSeconds: server.importSeconds, startSeconds: server.startSeconds, atStart: server.memoryAtStart, atEnd: server.memory(),
  }));
  const value = { date: new Date().toISOString(), machine: machine(), data: options.data, rounds: options.rounds, encoding: options.encoding, requests, memory, appends };
  fs.writeFileSync(options.json, `${JSON.stringify(value, null, 2)}\n`);
}

/** Stops the servers and removes their data, but not their logs. */
async function cleanUp({ keep }) {
  await stopAll();
  if (keep || !fs.existsSync(RUN)) return;
  for (const name of fs.readdirSync(RUN).filter((entry) => !entry.endsWith('.log'))) fs.rmSync(path.join(RUN, name), { recursive: true, force: true });
}

/** Ctrl-C and its like: clean up, then end with the status the signal would have given. */
function stopOnSignals(options) {
  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
    process.once(signal, () => cleanUp(options).finally(() => process.exit(128 + number)));
  }
}

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  stopOnSignals(options);
  try {
    await run(options);
  } finally {
    await cleanUp(options);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
