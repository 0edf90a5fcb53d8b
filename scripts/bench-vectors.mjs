// A search in a large collection of vectors, with the original beside the server: the same data, in turns.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { Client, decoded } from './bench/http.mjs';
import { machine, markdown, median } from './bench/report.mjs';
import { PROJECT, program, startOriginal, startOurs, stopAll } from './bench/servers.mjs';

const USAGE = `Usage: node scripts/bench-vectors.mjs [options]
  --vectors N        vectors in the collection (50000)
  --dimensions D     numbers in each (768)
  --digits G         digits of each after the point (5): the original reads no file beyond 512 MiB
  --rounds R         measured requests of each kind to each server (5)
  --only original    measure one server alone; or --only ours`;

const RUN = path.join(PROJECT, 'target/bench/vectors');
const COLLECTION = 'bench';
const FOLDER = path.join('vectors/webllm', COLLECTION, 'model');

function parseOptions() {
  const text = { type: 'string' };
  const { values } = parseArgs({ options: { vectors: text, dimensions: text, digits: text, rounds: text, only: text, help: { type: 'boolean', short: 'h' } } });
  const number = (name, usual) => {
    const value = Number(values[name] ?? usual);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: expected a whole number of at least 1`);
    return value;
  };
  if (![undefined, 'original', 'ours'].includes(values.only)) throw new Error('--only: expected original or ours');
  return { ...values, vectors: number('vectors', 50_000), dimensions: number('dimensions', 768), digits: number('digits', 5), rounds: number('rounds', 5) };
}

/** The same numbers in every run (a linear congruential generator). */
function generator() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** The collection as the original's file, written in pieces. Answers with a vector to look for, and the file's bytes. */
function writeIndex(root, { vectors, dimensions, digits }) {
  const folder = path.join(root, 'default-user', FOLDER);
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'index.json');
  const out = fs.openSync(file, 'w');
  const next = generator();
  const vector = () => Array.from({ length: dimensions }, () => Number(next().toFixed(digits)));
  fs.writeSync(out, '{"version":1,"metadata_config":{},"items":[');
  for (let index = 0; index < vectors; index++) {
    const numbers = vector();
    let sum = 0;
    for (const number of numbers) sum += number * number;
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const item = { id, metadata: { hash: index, text: `text ${index}`, index }, vector: numbers, norm: Math.sqrt(sum) };
    fs.writeSync(out, (index ? ',' : '') + JSON.stringify(item));
  }
  fs.writeSync(out, ']}');
  fs.closeSync(out);
  return { asked: vector(), bytes: fs.statSync(file).size };
}

async function connect(kind, source) {
  const folder = path.join(RUN, kind);
  const data = path.join(folder, 'data');
  const log = path.join(folder, 'log.txt');
  fs.mkdirSync(folder, { recursive: true });
  if (kind === 'original') fs.cpSync(source, data, { recursive: true });
  else {
    const done = spawnSync(program('squaretable-importer'), ['import', source, '--data-dir', data, '--on-conflict', 'newer'], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`the import failed:\n${done.stdout}${done.stderr}`);
  }
  const server = await (kind === 'original' ? startOriginal : startOurs)(kind, data, log);
  const client = new Client(server.base, 'identity');
  await client.logIn();
  return { kind, client };
}

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  fs.rmSync(RUN, { recursive: true, force: true });
  const source = path.join(RUN, 'source');
  const { asked, bytes } = writeIndex(source, options);
  fs.writeFileSync(path.join(source, 'default-user', 'settings.json'), '{}');
  const kinds = ['original', 'ours'].filter((kind) => !options.only || options.only === kind);
  const sides = [];
  for (const kind of kinds) sides.push(await connect(kind, source));
  const place = { collectionId: COLLECTION, source: 'webllm', model: 'model' };
  const item = { hash: -1, text: 'new', index: 0 };
  const rows = [];
  for (const [name, address, more] of [
    ['query', '/api/vector/query', { searchText: 'asked', topK: 10, embeddings: { asked } }],
    ['list', '/api/vector/list', {}],
    ['insert of one', '/api/vector/insert', { items: [item], embeddings: { new: asked } }],
    ['delete of these', '/api/vector/delete', { hashes: [-1] }],
  ]) {
    const body = JSON.stringify({ ...place, ...more });
    const answers = new Set();
    const firsts = [];
    for (const { client, kind } of sides) {
      const began = performance.now();
      const reply = await client.send('POST', address, body);
      firsts.push(performance.now() - began);
      if (reply.status !== 200) throw new Error(`${kind}: ${address} answered ${reply.status}`);
      answers.add(decoded(reply).toString());
    }
    if (answers.size !== 1) throw new Error(`${name}: the answers differ`);
    const times = sides.map(() => []);
    for (let round = 0; round < options.rounds; round++) {
      for (const [index, { client }] of sides.entries()) times[index].push((await client.time('POST', address, body)).milliseconds);
    }
    rows.push([name, ...times.flatMap((list, index) => [firsts[index].toFixed(0), median(list).toFixed(1)])]);
  }
  console.log(machine());
  console.log(`${options.vectors} vectors of ${options.dimensions} numbers, ${(bytes / 1e6).toFixed(0)} MB of JSON`);
  console.log(markdown(['request', ...kinds.flatMap((kind) => [`${kind}: first, ms`, `${kind}: median, ms`])], rows));
}

try {
  await main();
} finally {
  await stopAll();
}
