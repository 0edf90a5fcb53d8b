// Measures what the server adds to a stream of tokens, beside a direct connection and beside the original. See docs/BENCHMARKS.md.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { machine, markdown, median, size } from './bench/report.mjs';
import { PROJECT, startOriginal, startOurs, stopAll } from './bench/servers.mjs';

const USAGE = `Usage: node scripts/bench-relay.mjs [options]
  --streams LIST   numbers of concurrent streams (1,500)
  --tokens N       events of a stream (100)
  --interval MS    pause between them (50)
  --leave N        streams whose browser goes after the first event (50)
  --only NAME      direct, original or ours alone
  --program FILE   our executable (target/release/squaretable)`;

const RUN = path.join(PROJECT, 'target/bench/relay');
const ROUTE = '/api/backends/text-completions/generate';
/** A stream that has not ended by then is counted as failed. */
const LIMIT = 120_000;

const now = () => process.hrtime.bigint();
const ms = (nanoseconds) => Number(nanoseconds) / 1e6;

function parseOptions() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: { streams: text, tokens: text, interval: text, leave: text, only: text, program: text, help: { type: 'boolean', short: 'h' } },
  });
  const whole = (name, fallback) => {
    const number = Number(values[name] ?? fallback);
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name}: expected a whole number of at least 1`);
    return number;
  };
  if (![undefined, 'direct', 'original', 'ours'].includes(values.only)) throw new Error('--only: expected direct, original or ours');
  const streams = (values.streams ?? '1,500').split(',').map(Number);
  if (streams.some((number) => !Number.isInteger(number) || number < 1)) throw new Error('--streams: expected whole numbers');
  return { ...values, streams, tokens: whole('tokens', 100), interval: whole('interval', 50), leave: whole('leave', 50) };
}

/** Starts the model; `closings` gets a moment for each connection that ends early. */
function startUpstream(options) {
  const upstream = { closings: [], waiting: null };
  const worker = new Worker(new URL('./bench/upstream.mjs', import.meta.url), { workerData: { tokens: options.tokens, interval: options.interval } });
  upstream.stop = () => worker.terminate();
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', ({ port, closed }) => {
      if (port) {
        upstream.url = `http://127.0.0.1:${port}`;
        resolve(upstream);
        return;
      }
      upstream.closings.push(BigInt(closed));
      upstream.waiting?.();
    });
  });
}

/** What a browser sends, once its session is open. */
async function connect(base, upstream) {
  const body = JSON.stringify({ api_type: 'llamacpp', api_server: upstream.url, prompt: 'p', stream: true });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  if (base === null) return { url: `${upstream.url}/completion`, headers, body };
  const reply = await fetch(`${base}/csrf-token`);
  headers['x-csrf-token'] = (await reply.json()).token;
  headers.cookie = reply.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
  return { url: `${base}${ROUTE}`, headers, body };
}

/** One stream: delays of its events and the time to its first, in ms; `leave` ends it after the first and says when. */
function stream({ url, headers, body }, agent, leave = false) {
  return new Promise((resolve, reject) => {
    const start = now();
    const delays = [];
    let first = null;
    let rest = '';
    const request = http.request(url, { method: 'POST', headers, agent, timeout: LIMIT }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`${url} answered ${response.statusCode}`));
        return;
      }
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        const arrived = now();
        first ??= ms(arrived - start);
        if (leave) {
          resolve({ left: now() });
          request.destroy();
          return;
        }
        rest += chunk;
        const events = rest.split('\n\n');
        rest = events.pop();
        for (const event of events) {
          const sent = /"content":"(\d+) /.exec(event)?.[1];
          if (sent) delays.push(ms(arrived - BigInt(sent)));
        }
      });
      response.on('end', () => resolve({ first, delays }));
      response.on('error', (error) => leave || reject(error));
    });
    request.on('timeout', () => request.destroy(new Error('no end')));
    request.on('error', (error) => leave || reject(error));
    request.end(body);
  });
}

/** The value below which this part of the values lies. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/** Memory of a process now, in bytes; null where /proc cannot tell. */
function resident(server) {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) * 1024;
  } catch {
    return null;
  }
}

async function measure(contestant, upstream, count, options) {
  const target = await connect(contestant.server?.base ?? null, upstream);
  const agent = new http.Agent({ keepAlive: false, maxSockets: Infinity });
  await stream(target, agent);
  const before = contestant.server ? resident(contestant.server) : null;
  let during = before;
  const watch = setInterval(() => {
    if (contestant.server) during = Math.max(during, resident(contestant.server));
  }, 100);
  const results = await Promise.all(Array.from({ length: count }, () => stream(target, agent)));
  clearInterval(watch);
  const whole = results.filter(({ delays }) => delays.length === options.tokens).length;
  if (whole !== count) throw new Error(`${contestant.name}: only ${whole} of ${count} streams were whole`);
  const delays = results.flatMap((result) => result.delays);
  const firsts = results.map(({ first }) => first);
  return { name: contestant.name, count, firsts, delays, before, during };
}

/** How long the connection to the model outlives the browser's, in ms each. */
async function leaving(contestant, upstream, options) {
  const target = await connect(contestant.server?.base ?? null, upstream);
  const agent = new http.Agent({ keepAlive: false, maxSockets: Infinity });
  const times = [];
  for (let turn = 0; turn < options.leave; turn += 1) {
    upstream.closings.length = 0;
    const closed = new Promise((resolve) => {
      upstream.waiting = resolve;
    });
    const { left } = await stream(target, agent, true);
    // Streams end by themselves after a while, and without a message then: the wait has to be bounded.
    const limit = new Promise((resolve) => setTimeout(resolve, options.tokens * options.interval + 5000, 'late').unref());
    if (await Promise.race([closed, limit]) === 'late') throw new Error(`${contestant.name}: the model writes on though the browser has gone`);
    times.push(ms(upstream.closings[0] - left));
  }
  return { name: contestant.name, times };
}

async function start(name, options) {
  if (name === 'direct') return { name };
  const folder = path.join(RUN, name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const begin = name === 'original' ? startOriginal : startOurs;
  return { name, server: await begin(name, path.join(folder, 'data'), path.join(folder, 'log.txt'), '', options.program) };
}

function report(runs, leavings, options) {
  const number = (value) => value.toFixed(value < 10 ? 2 : 1);
  const spread = (values) => `${number(median(values))} / ${number(quantile(values, 0.99))}`;
  const direct = (count) => runs.find((run) => run.name === 'direct' && run.count === count);
  const added = (run, kind) => {
    const base = direct(run.count);
    return base && run !== base ? number(median(run[kind]) - median(base[kind])) : '-';
  };
  const rows = runs.map((run) => [
    `${run.name}, ${run.count}`, spread(run.firsts), added(run, 'firsts'), spread(run.delays), added(run, 'delays'),
    run.before === null ? '-' : size(run.before), run.during === null ? '-' : size(run.during),
  ]);
  const head = ['Streams', 'first byte ms, median / 99%', 'added', 'token ms, median / 99%', 'added', 'memory before', 'memory, most'];
  const gone = leavings.map(({ name, times }) => [name, number(median(times)), number(Math.max(...times))]);
  return [
    `${machine()}; ${options.tokens} events, ${options.interval} ms apart`,
    markdown(head, rows),
    markdown(['Browser goes: the model is closed after', 'median ms', 'most ms'], gone),
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
  const [runs, leavings] = [[], []];
  try {
    for (const name of ['direct', 'original', 'ours'].filter((each) => !options.only || options.only === each)) {
      const contestant = await start(name, options);
      for (const count of options.streams) runs.push(await measure(contestant, upstream, count, options));
      leavings.push(await leaving(contestant, upstream, options));
      await contestant.server?.stop();
    }
  } finally {
    await stopAll();
    await upstream.stop();
  }
  console.log(report(runs, leavings, options));
}

await main();
