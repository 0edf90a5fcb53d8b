// Measures a library of many cards: the import, the list of all characters with the memory that answering it takes, and
// how long the frontend takes to show it in Chromium. Prints Markdown.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { launch, Visitor } from '../tests/browser/browser.mjs';
import { open } from '../tests/browser/sillytavern.mjs';
import { decoded } from './bench/http.mjs';
import { machine, markdown, median, size } from './bench/report.mjs';
import { importRoot, PROJECT, program, startOurs, stopAll } from './bench/servers.mjs';
import { DEFAULTS, dataOptions, generate } from './generate-data.mjs';

const USAGE = `Usage: node scripts/large-library.mjs [options]
  --cards N     character cards (20000)
  --rounds R    requests of each kind (3)
  --no-browser  leave the frontend out
  --keep        leave the data folders in target/large-library`;

const FOLDER = path.join(PROJECT, 'target/large-library');
const ENCODINGS = ['gzip, deflate, br', 'identity'];
/** How often the memory of PostgreSQL is looked at, in milliseconds. */
const SAMPLE = 100;
/** Longest wait for the page, in milliseconds. */
const PATIENCE = 600_000;

/** The two forms of the list, and the setting that chooses them. */
const FORMS = [
  { name: 'full', extra: '' },
  { name: 'short', extra: 'performance:\n  lazyLoadCharacters: true\n' },
];

function parseOptions() {
  const { values } = parseArgs({
    options: {
      cards: { type: 'string' }, rounds: { type: 'string' }, 'no-browser': { type: 'boolean' }, keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const rounds = Number(values.rounds ?? 3);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: expected a whole number of at least 1');
  const data = { ...DEFAULTS, ...dataOptions({ cards: values.cards ?? '20000', chats: '200', messages: '20', 'big-chat': '0' }) };
  return { ...values, rounds, data };
}

/** What a process holds now and held at most since `forget`, in bytes. */
class Memory {
  constructor(pid) {
    this.folder = `/proc/${pid}`;
  }

  read(field) {
    const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`${this.folder}/status`, 'utf8'));
    return Number(found[1]) * 1024;
  }

  /** Starts a new maximum. */
  forget() {
    fs.writeFileSync(`${this.folder}/clear_refs`, '5');
  }
}

/** Asks for the list, and measures time, bytes, and the memory that it took. */
async function measureList(server, form, encoding, rounds) {
  server.client.headers['accept-encoding'] = encoding;
  const memory = new Memory(server.child.pid);
  const rows = { times: [], peaks: [], database: [] };
  let reply;
  for (let round = 0; round < rounds; round++) {
    memory.forget();
    let database = 0;
    const look = () => {
      database = Math.max(database, server.memory()?.children.proportional ?? 0);
    };
    const sampler = setInterval(look, SAMPLE);
    try {
      reply = await server.client.time('POST', '/api/characters/all', '{}');
    } finally {
      clearInterval(sampler);
    }
    look(); // an answer may come before the first sample
    if (reply.status !== 200) throw new Error(`the list was answered ${reply.status}`);
    rows.times.push(reply.milliseconds);
    rows.peaks.push(memory.read('VmHWM'));
    rows.database.push(database);
  }
  const whole = await server.client.send('POST', '/api/characters/all', '{}');
  const plain = decoded(whole);
  const list = JSON.parse(plain);
  const largest = (values) => size(Math.max(...values));
  return [
    form.name, encoding, String(list.length), list.some(({ shallow }) => shallow) ? 'yes' : 'no', size(plain.length), size(reply.bytes),
    `${Math.round(median(rows.times))} ms`, largest(rows.peaks), largest(rows.database),
  ];
}

/** Opens the frontend in Chromium: when it paints, when it has the list, when it is ready for use. */
async function measureBrowser(server, form) {
  const browser = await launch();
  try {
    const visitor = await Visitor.arrive(browser, { name: form.name, url: server.base, out: path.join(FOLDER, 'pictures') });
    const { page } = visitor;
    page.setDefaultTimeout(PATIENCE);
    const start = performance.now();
    const since = () => performance.now() - start;
    const listed = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/characters/all', { timeout: PATIENCE })
      .then((response) => response.finished()).then(since);
    await open(visitor);
    const ready = since();
    const paints = await page.evaluate(() => performance.getEntriesByType('paint').map(({ name, startTime }) => [name, startTime]));
    const { characters, heap } = await page.evaluate(() => ({
      characters: globalThis.SillyTavern.getContext().characters.length, heap: globalThis.performance.memory?.usedJSHeapSize ?? null,
    }));
    await visitor.picture('ready');
    const paint = new Map(paints);
    const ms = (value) => (value === undefined ? 'unknown' : `${Math.round(value)} ms`);
    return [
      form.name, String(characters), ms(paint.get('first-paint')), ms(paint.get('first-contentful-paint')), ms(await listed), ms(ready), size(heap),
      visitor.complaints.length ? `${visitor.complaints.length}: ${visitor.complaints[0].slice(0, 120)}` : 'none',
    ];
  } finally {
    await browser.close();
  }
}

async function run(options) {
  for (const name of ['squaretable', 'squaretable-importer']) program(name);
  fs.rmSync(FOLDER, { recursive: true, force: true });
  fs.mkdirSync(FOLDER, { recursive: true });
  const [root, folder] = [path.join(FOLDER, 'data'), path.join(FOLDER, 'ours')];
  console.error('generating the data');
  const data = generate(root, options.data);
  console.error('importing the data');
  const seconds = importRoot(root, folder);
  const [lists, pages] = [[], []];
  for (const form of FORMS) {
    console.error(`measuring the ${form.name} list`);
    const server = await startOurs(form.name, folder, path.join(FOLDER, `${form.name}.log`), form.extra);
    await server.logIn(ENCODINGS[0]);
    const idle = server.memory();
    for (const encoding of ENCODINGS) lists.push([...await measureList(server, form, encoding, options.rounds), size(idle.peak)]);
    if (!options['no-browser']) {
      console.error(`opening the frontend with the ${form.name} list`);
      pages.push(await measureBrowser(server, form));
    }
    await server.stop();
  }
  console.log([
    `${new Date().toISOString().slice(0, 10)}, ${machine()}`,
    `${data.avatars.length} cards, ${data.files} files, ${size(data.bytes)}; imported in ${seconds.toFixed(1)} s`,
    markdown(['POST /api/characters/all', 'Accept-Encoding', 'cards', 'short form', 'text', 'on the wire', 'median time', 'peak memory of the server',
      'memory of PostgreSQL', 'server after its start'], lists),
    ...(pages.length ? [markdown(['Frontend in Chromium', 'characters', 'first paint', 'first content', 'list received', 'ready for use', 'page memory',
      'complaints'], pages)] : []),
  ].join('\n\n'));
}

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  try {
    await run(options);
  } finally {
    await stopAll();
    if (!options.keep) for (const name of ['data', 'ours']) fs.rmSync(path.join(FOLDER, name), { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
