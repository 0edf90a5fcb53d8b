// Counts per second with the original beside the server: the same texts to both, in turns.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Client, decoded } from './bench/http.mjs';
import { machine, markdown, median } from './bench/report.mjs';
import { PROJECT, startOriginal, startOurs, stopAll } from './bench/servers.mjs';

const USAGE = `Usage: node scripts/bench-tokenizers.mjs [options]
  --rounds R         measured requests of each kind to each server (50)
  --only original    measure one server alone; or --only ours`;

const RUN = path.join(PROJECT, 'target/bench/tokenizers');
const MODELS = ['gpt-4o', 'gpt-4', 'claude-3', 'llama-3', 'llama', 'mistral', 'yi', 'gemini', 'jamba'];
const SENTENCE = 'The quick brown fox — “quoted” — jumps over the lazy dog; naïve café, 日本語 🦊.\n\n';
const WARM_UPS = 3;

function parseOptions() {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  const rounds = Number(values.rounds ?? 50);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: expected a whole number of at least 1');
  if (![undefined, 'original', 'ours'].includes(values.only)) throw new Error('--only: expected original or ours');
  return { ...values, rounds };
}

/** Short, as a message of a chat; long, as a whole prompt. */
function texts() {
  return [['message', SENTENCE.repeat(4)], ['100 kB', SENTENCE.repeat(Math.ceil(100_000 / Buffer.byteLength(SENTENCE)))]];
}

async function connect(kind) {
  const folder = path.join(RUN, kind);
  fs.mkdirSync(folder, { recursive: true });
  const start = kind === 'original' ? startOriginal : startOurs;
  const server = await start(kind, path.join(folder, 'data'), path.join(folder, 'log.txt'));
  const client = new Client(server.base, 'identity');
  await client.logIn();
  return { kind, client };
}

/** One line of the table: both servers are asked in turns, and must agree on the count. */
async function measure(sides, model, [name, text], rounds) {
  const address = `/api/tokenizers/openai/count?model=${model}`;
  const body = JSON.stringify([{ role: 'user', content: text }]);
  const counts = new Set();
  for (const { client, kind } of sides) {
    for (let i = 0; i < WARM_UPS; i++) {
      const reply = await client.send('POST', address, body);
      if (reply.status !== 200) throw new Error(`${kind}: ${address} answered ${reply.status}`);
      counts.add(JSON.parse(decoded(reply)).token_count);
    }
  }
  if (counts.size !== 1) throw new Error(`${model}, ${name}: the counts differ: ${[...counts].join(', ')}`);
  const times = sides.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { client }] of sides.entries()) times[index].push((await client.time('POST', address, body)).milliseconds);
  }
  return [model, name, String([...counts][0]), ...times.map((list) => (1000 / median(list)).toFixed(0))];
}

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  fs.rmSync(RUN, { recursive: true, force: true });
  const kinds = ['original', 'ours'].filter((kind) => !options.only || options.only === kind);
  const sides = [];
  for (const kind of kinds) sides.push(await connect(kind));
  const rows = [];
  for (const model of MODELS) {
    for (const text of texts()) rows.push(await measure(sides, model, text, options.rounds));
  }
  console.log(machine());
  console.log(markdown(['model', 'text', 'tokens', ...kinds.map((kind) => `${kind}: counts per second`)], rows));
}

try {
  await main();
} finally {
  await stopAll();
}
