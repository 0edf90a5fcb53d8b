// Makes real data of older SillyTavern versions: installs them from npm, fills them through their own HTTP API, stops
// them, and puts what they left through the importer. Prints what each step said; exit code 1 when one failed.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cardChunk, picture } from './data/png.mjs';
import { Random } from './data/random.mjs';

const USAGE = `Usage: node scripts/old-versions.mjs [options]
  --versions LIST  versions from npm, separated by commas (1.11.8,1.12.14)
  --importer FILE  squaretable-importer (target/release, else target/debug)
  --keep           leave the folders`;

const PROJECT = path.resolve(import.meta.dirname, '..');
const START_LIMIT = 180_000;
const STOP_LIMIT = 30_000;
const PICTURE = { width: 400, height: 600 };

/** Folders before 1.12, and where they are now. */
const MOVED = { characters: 'characters', chats: 'chats', groups: 'groups', 'group chats': 'group chats', worlds: 'worlds', themes: 'themes', QuickReplies: 'QuickReplies',
  'OpenAI Settings': 'OpenAI Settings', 'TextGen Settings': 'TextGen Settings', instruct: 'instruct', context: 'context', backgrounds: 'backgrounds',
  'User Avatars': 'User Avatars', 'settings.json': 'settings.json', '../secrets.json': 'secrets.json' };

function parseOptions() {
  const { values } = parseArgs({ options: { versions: { type: 'string' }, importer: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  const built = ['release', 'debug'].map((kind) => path.join(PROJECT, 'target', kind, 'squaretable-importer'));
  const importer = values.importer ?? built.find((file) => fs.existsSync(file));
  if (!importer && !values.help) throw new Error(`${built[0]} is missing: run \`make build\` first`);
  return { help: values.help, keep: values.keep, importer, versions: (values.versions ?? '1.11.8,1.12.14').split(',') };
}

/** An installed version and its server. */
class Old {
  constructor(version, folder) {
    this.version = version;
    this.prefix = path.join(folder, version);
    this.home = path.join(this.prefix, 'SillyTavern');
    /** Before 1.12 the data lies among the program's own files. */
    this.isFlat = Number(version.split('.')[1]) < 12;
    this.source = this.isFlat ? this.home : path.join(this.home, 'data');
  }

  install() {
    fs.mkdirSync(this.prefix, { recursive: true });
    run('npm', ['install', '--prefix', this.prefix, '--no-audit', '--no-fund', '--omit=dev', `sillytavern@${this.version}`], { stdio: 'ignore' });
    // As in a clone of the repository: some versions read their dependencies only from inside their own folder.
    const modules = path.join(this.prefix, 'node_modules');
    fs.renameSync(path.join(modules, 'sillytavern'), this.home);
    fs.renameSync(modules, path.join(this.home, 'node_modules'));
    // A clone has it, the package does not, and 1.12 expects it.
    if (!this.isFlat) fs.mkdirSync(this.source, { recursive: true });
  }

  async start() {
    this.port = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.log = path.join(this.prefix, 'log.txt');
    const output = fs.openSync(this.log, 'w');
    // Flags that a version does not know are no mistake to it.
    const args = ['server.js', '--port', String(this.port), '--autorun', 'false', '--browserLaunchEnabled', 'false'];
    this.child = spawn(process.execPath, args, { cwd: this.home, stdio: ['ignore', output, output] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    fs.closeSync(output);
    const deadline = performance.now() + START_LIMIT;
    // Some versions answer before they are ready, and remove uploads then.
    while (!/listening on/i.test(fs.readFileSync(this.log, 'utf8')) || !(await this.logIn())) {
      if (this.child.exitCode !== null || performance.now() > deadline) throw new Error(`${this.version} does not answer\n${fs.readFileSync(this.log, 'utf8')}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** The token that every later request brings, and the cookie that goes with it. */
  async logIn() {
    try {
      const answer = await fetch(`${this.base}/csrf-token`);
      const { token } = await answer.json();
      this.headers = { 'x-csrf-token': token, cookie: answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ') };
      return answer.ok;
    } catch {
      return false;
    }
  }

  async stop() {
    this.child.kill('SIGINT');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT);
    await this.ended;
    clearTimeout(timer);
  }

  async post(url, body) {
    return this.send(url, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  }

  /** A form, with a picture as its file when there is one. */
  async form(url, fields, file) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    if (file) body.append('avatar', new Blob([file.bytes]), file.name);
    return this.send(url, { body });
  }

  async send(url, { body, headers }) {
    const answer = await fetch(this.base + url, { method: 'POST', body, headers: { ...this.headers, ...headers } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${this.version} ${url}: ${answer.status} ${text}`);
    return text;
  }
}

/** Uses most of what a user would: the same calls in every version. */
async function fill(old, random) {
  const names = ['Ada', 'Zoë 🎭', "O'Neil & 100%"];
  const avatars = [];
  for (const name of names) {
    const file = { name: 'card.png', bytes: picture(random, PICTURE.width, PICTURE.height) };
    const fields = { ch_name: name, description: random.prose(900), personality: '', scenario: '', first_mes: random.prose(300), mes_example: '', creator_notes: '',
      tags: 'one, two', talkativeness: '0.5', fav: 'false', creator: '', character_version: '', system_prompt: '', post_history_instructions: '', world: '' };
    avatars.push(await old.form('/api/characters/create', fields, file));
  }
  const card = JSON.stringify({ name: 'Old card', description: 'V1', personality: '', scenario: '', first_mes: 'Hi', mes_example: '' });
  const png = picture(random, PICTURE.width, PICTURE.height, [cardChunk('chara', card)]);
  await old.form('/api/characters/import', { file_type: 'png' }, { name: 'Old card.png', bytes: png });
  for (const [index, avatar] of avatars.entries()) {
    for (const number of [1, 2]) {
      const chat = [{ user_name: 'User', character_name: names[index], create_date: '2024-5-1 @10h 00m 00s 000ms', chat_metadata: { note_prompt: 'n' } }, ...messages(random, names[index], 30)];
      await old.post('/api/chats/save', { avatar_url: avatar, ch_name: names[index], file_name: `${names[index]} - ${number}`, chat });
    }
  }
  const id = '1714550000000';
  const group = { name: 'Both', members: [...avatars.slice(0, 2), 'gone.png'], avatar_url: '', chat_metadata: { note_prompt: 'now' }, chat_id: id, chats: [id, 'earlier'],
    past_metadata: { earlier: { note_prompt: 'then' } } };
  const made = JSON.parse(await old.post('/api/groups/create', group));
  await old.post('/api/groups/edit', { ...made, ...group, id: made.id });
  for (const chat of group.chats) await old.post('/api/chats/group/save', { id: chat, chat: messages(random, names[0], 12) });
  await old.post('/api/worldinfo/edit', { name: 'Lore', data: { entries: { 0: { uid: 0, key: ['sea'], content: random.prose(400) } } } });
  await old.post('/api/presets/save', { apiId: 'openai', name: 'Mine', preset: { temperature: 0.9, prompts: [] } });
  await old.post('/api/presets/save', { apiId: 'textgenerationwebui', name: 'Mine', preset: { temp: 1, top_p: 0.95 } });
  await old.post('/api/presets/save', { apiId: 'instruct', name: 'Mine', preset: { name: 'Mine', system_prompt: 'Be kind.', wrap: true } });
  await old.post('/api/presets/save', { apiId: 'context', name: 'Mine', preset: { name: 'Mine', story_string: '{{description}}' } });
  await old.post('/api/themes/save', { name: 'Dusk', blur_strength: 3 });
  await old.post('/api/quick-replies/save', { version: 2, name: 'Quick', qrList: [] });
  await old.post('/api/secrets/write', { key: 'api_key_openai', value: 'sk-of-an-old-version' });
  await old.form('/api/backgrounds/upload', {}, { name: 'harbour.png', bytes: picture(random, 320, 180) });
  await old.form('/api/avatars/upload', {}, { name: 'me.png', bytes: picture(random, PICTURE.width, PICTURE.height) });
  const settings = JSON.parse(JSON.parse(await old.post('/api/settings/get', {})).settings);
  await old.post('/api/settings/save', { ...settings, username: 'Old user', power_user: { ...settings.power_user, persona_description: random.prose(300) } });
}

function messages(random, name, count) {
  return Array.from({ length: count }, (_, index) => ({
    name: index % 2 ? 'User' : name, is_user: index % 2 === 1, is_system: false, send_date: `May ${1 + index % 28}, 2024 10:00am`, mes: random.prose(120), extra: {},
  }));
}

/** Puts a source through the importer. Returns what went wrong. */
function migrate(old, importer, folder) {
  const data = path.join(folder, `${old.version}-squaretable`);
  const out = path.join(folder, `${old.version}-export`);
  const wrong = [];
  const step = (name, args, expected) => {
    const { status, stdout, stderr } = spawnSync(importer, args, { cwd: PROJECT, encoding: 'utf8' });
    console.log(`\n### ${old.version}: ${name}, exit code ${status}\n\n${stdout}${stderr}`.trimEnd());
    if (!expected.includes(status)) wrong.push(`${name}: exit code ${status}`);
  };
  // 5: a version before 1.12 may ship what is no JSON to everybody.
  step('inspect', ['inspect', old.source], [0, 5]);
  step('import', ['import', old.source, '--data-dir', data, '--with-secrets', '--yes'], [0, 5]);
  step('verify --deep', ['verify', old.source, '--data-dir', data, '--with-secrets', '--deep'], [0]);
  step('export', ['export', out, '--data-dir', data, '--all-users'], [0]);
  step('import again', ['import', old.source, '--data-dir', data, '--with-secrets', '--yes', '--quiet'], [0, 5]);
  const pairs = old.isFlat
    ? Object.entries(MOVED).map(([from, to]) => [path.join(old.home, 'public', from), path.join(out, 'default-user', to)])
    : [[old.source, out]];
  for (const [left, right] of pairs) {
    const left_out = ['thumbnails', '_cache', '_uploads', '_webpack', 'access.log'].flatMap((name) => ['-x', name]);
    const { status, stdout } = spawnSync('diff', ['-r', ...left_out, left, right], { encoding: 'utf8' });
    if (status !== 0) wrong.push(`diff -r ${left} ${right}:\n${stdout}`);
  }
  return wrong;
}

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, options);
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with status ${status}`);
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

async function main() {
  const options = parseOptions();
  if (options.help) return console.log(USAGE);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'squaretable-old-'));
  // The database runs as another user when this one is root.
  fs.chmodSync(folder, 0o755);
  try {
    for (const version of options.versions) {
      const old = new Old(version, folder);
      old.install();
      await old.start();
      try {
        await fill(old, new Random(`old ${version}`));
      } finally {
        await old.stop();
      }
      const wrong = migrate(old, options.importer, folder);
      console.log(`\n${version}: ${wrong.length === 0 ? 'imported and verified; the export is the same' : wrong.join('\n')}`);
      if (wrong.length > 0) process.exitCode = 1;
    }
  } finally {
    if (options.keep) console.log(`\n${folder} is left`);
    else fs.rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
