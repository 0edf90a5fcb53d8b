// Many users at once, each with a session of their own: on one node, on two nodes, and on the original. See docs/BENCHMARKS.md.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Random } from './data/random.mjs';
import { User, withUsers } from './bench/users.mjs';
import { machine, markdown, size } from './bench/report.mjs';
import { PROJECT, startOriginal, startOurs, startRedis, stopAll } from './bench/servers.mjs';

const USAGE = `Usage: node scripts/bench-load.mjs [options]
  --users N        accounts, each with one browser (500)
  --seconds N      how long each server is asked (60)
  --think MS       longest pause of a user between two actions (2000)
  --tokens N       events of a streamed answer (40)
  --interval MS    pause between them (50)
  --messages N     messages of each user's chat at the beginning (50)
  --only NAME      one, two or original: that one alone
  --program FILE   our executable (target/release/squaretable)
  --json FILE      write all numbers there, too`;

const RUN = path.join(PROJECT, 'target/bench/load');
const CONTESTANTS = ['one', 'two', 'original'];

/** How long actions may go on after the time is over, in ms; those that have not ended by then are counted as failed. */
const GRACE = 30_000;

/** Accounts on, attempts unlimited, models on this machine allowed, and no default content in any account. */
const CONFIG = `enableUserAccounts: true
skipContentCheck: true
rateLimiting:
  accountsLoginMaxAttempts: 0
privateAddressWhitelist:
  enabled: false
`;

/** What a tab asks for when it is opened, in the frontend's order; pictures and scripts come from its cache. */
const BOOT = [
  ['GET', '/'],
  ['GET', '/csrf-token'],
  ['GET', '/version'],
  ['GET', '/api/users/me'],
  ['POST', '/api/secrets/read', {}],
  ['POST', '/api/settings/get', {}],
  ['POST', '/api/avatars/get', {}],
  ['POST', '/api/characters/all', {}],
  ['POST', '/api/groups/all', {}],
  ['POST', '/api/backgrounds/all', {}],
  ['POST', '/api/image-metadata/all', {}],
  ['GET', '/api/extensions/discover'],
  ['POST', '/api/chats/recent', { max: 15 }],
];

/** How often each action is taken, of 100. A message is answered and the chat saved twice, as the frontend does. */
const MIX = [
  ['boot', 3],
  ['list', 7],
  ['open', 20],
  ['save', 20],
  ['message', 50],
];

function parseOptions() {
  const text = { type: 'string' };
  const names = ['users', 'seconds', 'think', 'tokens', 'interval', 'messages', 'only', 'program', 'json'];
  const options = Object.fromEntries(names.map((name) => [name, text]));
  const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
  const whole = (name, fallback, least = 1) => {
    const number = Number(values[name] ?? fallback);
    if (!Number.isInteger(number) || number < least) throw new Error(`--${name}: expected a whole number of at least ${least}`);
    return number;
  };
  if (values.only && !CONTESTANTS.includes(values.only)) throw new Error(`--only: expected ${CONTESTANTS.join(', ')}`);
  return {
    ...values,
    users: whole('users', 500),
    seconds: whole('seconds', 60),
    think: whole('think', 2000, 0),
    tokens: whole('tokens', 40),
    interval: whole('interval', 50),
    messages: whole('messages', 50),
  };
}

/** Starts the model. */
function startUpstream({ tokens, interval }) {
  const worker = new Worker(new URL('./bench/upstream.mjs', import.meta.url), { workerData: { tokens, interval } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', ({ port }) => port && resolve({ url: `http://127.0.0.1:${port}`, stop: () => worker.terminate() }));
  });
}

/** The servers of a contestant, in a new folder. */
async function start(name, options) {
  const folder = path.join(RUN, name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const place = (file) => path.join(folder, file);
  if (name === 'original') return [await startOriginal(name, place('data'), place('log.txt'), CONFIG)];
  const redis = await startRedis(place('redis.sock'));
  const key = '5'.repeat(64);
  const env = { REDIS_URL: redis, SQUARETABLE_MASTER_KEY: key };
  const first = await startOurs('node 1', place('data'), place('log.txt'), CONFIG, options.program, env);
  if (name === 'one') return [first];
  // The second node uses the PostgreSQL that the first one started.
  const second = { ...env, DATABASE_URL: first.databaseUrl() };
  return [first, await startOurs('node 2', place('data2'), place('log2.txt'), CONFIG, options.program, second)];
}

/** Times of one kind of request, in ms, and what went wrong. */
class Times {
  constructor() {
    this.kinds = new Map();
    this.errors = new Map();
    this.isOpen = true;
  }

  /** Takes one fault more, this often, and nothing after it. */
  close(kind, reason, often) {
    this.errors.set(`${kind}: ${reason}`, often);
    this.isOpen = false;
  }

  note(kind, milliseconds) {
    if (!this.isOpen) return;
    if (!this.kinds.has(kind)) this.kinds.set(kind, []);
    this.kinds.get(kind).push(milliseconds);
  }

  fail(kind, reason) {
    if (!this.isOpen) return;
    const text = `${kind}: ${reason}`;
    this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
  }
}

/** One user's life until the time is over. */
class Life {
  constructor(user, times, upstream, options) {
    Object.assign(this, { user, times, upstream, options });
    this.random = new Random(`load ${user.name}`);
  }

  async run(end) {
    await this.think();
    await this.boot();
    while (performance.now() < end) {
      await this[this.choose()]();
      await this.think();
    }
  }

  choose() {
    let draw = this.random.int(0, 99);
    for (const [action, share] of MIX) {
      draw -= share;
      if (draw < 0) return action;
    }
    return MIX.at(-1)[0];
  }

  think() {
    return new Promise((resolve) => setTimeout(resolve, this.random.int(0, this.options.think)));
  }

  /** A request whose whole answer counts; its body, or null when it failed. */
  async ask(kind, method, address, body) {
    const begun = performance.now();
    try {
      const reply = await this.user.send(method, address, body && JSON.stringify(body));
      if (reply.status !== 200) {
        this.times.fail(kind, `status ${reply.status}`);
        return null;
      }
      this.times.note(kind, performance.now() - begun);
      return reply;
    } catch (error) {
      this.times.fail(kind, error.code ?? error.message);
      return null;
    }
  }

  async boot() {
    for (const [method, address, body] of BOOT) await this.ask('boot', method, address, body);
  }

  list() {
    return this.ask('list characters', 'POST', '/api/characters/all', {});
  }

  async open() {
    const { avatar, file } = this.user;
    await this.ask('list chats', 'POST', '/api/characters/chats', { avatar_url: avatar });
    const reply = await this.ask('open chat', 'POST', '/api/chats/get', { avatar_url: avatar, file_name: file });
    if (!reply) return;
    const found = JSON.parse(this.user.decoded(reply));
    // What was acknowledged has to be there: a server that loses messages is not fast.
    if (found.length !== this.user.chat.length) this.times.fail('open chat', `${found.length} lines and not ${this.user.chat.length}`);
  }

  async save() {
    this.user.say(this.random);
    await this.store();
  }

  async store() {
    const { avatar, file, chat } = this.user;
    const done = await this.ask('save chat', 'POST', '/api/chats/save', { avatar_url: avatar, ch_name: 'Load', file_name: file, chat, force: false });
    if (!done) this.user.chat = await this.user.stored();
  }

  async message() {
    await this.save();
    await this.stream();
    await this.save();
  }

  /** A streamed answer: the time to its first byte counts, and that it is whole. */
  stream() {
    const body = JSON.stringify({ api_type: 'llamacpp', api_server: this.upstream.url, prompt: 'p', stream: true });
    const { url, headers, agent } = this.user.target('/api/backends/text-completions/generate');
    return new Promise((resolve) => {
      const begun = performance.now();
      const fail = (reason) => {
        this.times.fail('stream', reason);
        resolve();
      };
      const request = http.request(url, { method: 'POST', agent, headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
        let [first, text] = [null, ''];
        response.setEncoding('latin1');
        response.on('data', (chunk) => {
          first ??= performance.now() - begun;
          text += chunk;
        });
        response.on('error', (error) => fail(error.code));
        response.on('end', () => {
          if (response.statusCode !== 200 || !text.includes('[DONE]')) return fail(`status ${response.statusCode}, ${text.length} bytes`);
          this.times.note('stream, first byte', first);
          resolve();
        });
      });
      request.on('error', (error) => fail(error.code));
      request.end(body);
    });
  }
}

/** Waits for these, but no longer than this; how many have not ended by then. */
async function unfinished(promises, milliseconds) {
  let going = promises.length;
  const all = Promise.all(promises.map((promise) => promise.then(() => (going -= 1))));
  let timer;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([all, over]);
  clearTimeout(timer);
  return going;
}

/** Runs the load on one contestant. */
async function measure(name, upstream, options) {
  const servers = await start(name, options);
  const bases = servers.map(({ base }) => base);
  const starting = performance.now();
  process.stderr.write(`${name}: making ${options.users} users\n`);
  const users = await withUsers(bases, options.users, options.messages);
  const times = new Times();
  const begun = performance.now();
  process.stderr.write(`${name}: made in ${Math.round((begun - starting) / 1000)} s; ${options.seconds} s of load\n`);
  const end = begun + options.seconds * 1000;
  const lives = users.map((user) => new Life(user, times, upstream, options).run(end));
  const going = await unfinished(lives, end - begun + GRACE);
  if (going > 0) times.close('a user', 'still waits for an answer', going);
  const seconds = (performance.now() - begun) / 1000;
  const memory = servers.map((server) => server.memory());
  users.forEach((user) => user.close());
  await stopAll();
  // The logs stay.
  for (const data of ['data', 'data2']) fs.rmSync(path.join(RUN, name, data), { recursive: true, force: true });
  return { name, times, seconds, memory };
}

/** The value below which this part of the values lies. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

function report(runs, options) {
  const count = (map) => [...map.values()].reduce((sum, value) => sum + (value.length ?? value), 0);
  const memory = (run, read) => (run.memory.some((each) => each === null) ? 'unknown' : run.memory.map(read).join(' + '));
  const totals = runs.map((run) => {
    const all = [...run.times.kinds].flatMap(([, values]) => values);
    return [
      run.name, String(all.length), (all.length / run.seconds).toFixed(1), String(count(run.times.errors)),
      quantile(all, 0.5)?.toFixed(1) ?? '-', quantile(all, 0.99)?.toFixed(1) ?? '-',
      memory(run, ({ peak }) => size(peak)), memory(run, ({ children }) => (children.proportional === null ? 'unknown' : size(children.proportional))),
    ];
  });
  const kinds = [...new Set(runs.flatMap((run) => [...run.times.kinds.keys()]))];
  const rows = kinds.map((kind) => [
    kind,
    ...runs.flatMap((run) => {
      const values = run.times.kinds.get(kind) ?? [];
      return values.length ? [String(values.length), quantile(values, 0.5).toFixed(1), quantile(values, 0.99).toFixed(1)] : ['0', '-', '-'];
    }),
  ]);
  const errors = runs.flatMap((run) => [...run.times.errors].map(([what, times]) => [run.name, what, String(times)]));
  return [
    `${machine()}; ${options.users} users, ${options.seconds} s, pauses up to ${options.think} ms, answers of ${options.tokens} events ${options.interval} ms apart`,
    markdown(['Servers', 'requests', 'a second', 'errors', 'p50 ms', 'p99 ms', 'peak memory', 'database, at the end'], totals),
    markdown(['Request', ...runs.flatMap(({ name }) => [`${name}`, 'p50 ms', 'p99 ms'])], rows),
    errors.length ? markdown(['Servers', 'error', 'times'], errors) : 'No errors.',
  ].join('\n\n');
}

async function main() {
  const options = parseOptions();
  if (options.help) {
    console.log(USAGE);
    return;
  }
  fs.mkdirSync(RUN, { recursive: true });
  const upstream = await startUpstream(options);
  const runs = [];
  try {
    for (const name of CONTESTANTS.filter((each) => !options.only || options.only === each)) runs.push(await measure(name, upstream, options));
  } finally {
    await stopAll();
    await upstream.stop();
  }
  if (options.json) {
    const plain = runs.map(({ name, times, seconds, memory }) => ({ name, seconds, memory, times: Object.fromEntries(times.kinds), errors: Object.fromEntries(times.errors) }));
    fs.writeFileSync(options.json, JSON.stringify(plain));
  }
  console.log(report(runs, options));
}

await main();
