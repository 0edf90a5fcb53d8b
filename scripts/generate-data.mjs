// Writes a data root as SillyTavern 1.19 would have left it: for benchmarks, for trying the importer, for tests by hand.
// The same options give the same files, times of change included.
import crypto from 'node:crypto';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { writeAwkward } from './data/awkward.mjs';
import { writeCharacters } from './data/characters.mjs';
import { writeChats, writeGroups } from './data/chats.mjs';
import { FOLDERS, writeFiles, writePictures, writePresets, writeSettings, writeWorlds } from './data/documents.mjs';
import { Random } from './data/random.mjs';
import { DataRoot } from './data/root.mjs';

const USAGE = `Usage: node scripts/generate-data.mjs OUT_DIR [options]
  --cards N      character cards (1000)
  --chats M      chats (200)
  --messages K   messages in each of them (400)
  --big-chat B   messages in one long chat, about 7.6 KB each; 0 for none (2457, which makes 18.7 MB)
  --many-chats C chats of one character more, of 20 messages each; 0 for none (201)
  --seed TEXT    another library of the same size (1)
  --awkward      also damaged, hand-made and oddly named files`;

/** @typedef {{cards: number, chats: number, messages: number, bigChat: number, manyChats: number, seed: string, awkward: boolean}} DataOptions */

/** @type {DataOptions} */
export const DEFAULTS = { cards: 1000, chats: 200, messages: 400, bigChat: 2457, manyChats: 201, seed: '1', awkward: false };

/** The command-line options, for `parseArgs`. */
export const OPTIONS = {
  cards: { type: 'string' }, chats: { type: 'string' }, messages: { type: 'string' }, 'big-chat': { type: 'string' },
  'many-chats': { type: 'string' }, seed: { type: 'string' }, awkward: { type: 'boolean' },
};

/** Reads parsed command-line values; throws on what is not a whole number. At least one card and one chat are made. */
export function dataOptions(values) {
  const whole = (name, fallback, least) => {
    const number = Number(values[name] ?? fallback);
    if (!Number.isInteger(number) || number < least) throw new Error(`--${name}: expected a whole number of at least ${least}`);
    return number;
  };
  return {
    cards: whole('cards', DEFAULTS.cards, 1),
    chats: whole('chats', DEFAULTS.chats, 1),
    messages: whole('messages', DEFAULTS.messages, 1),
    bigChat: whole('big-chat', DEFAULTS.bigChat, 0),
    manyChats: whole('many-chats', DEFAULTS.manyChats, 0),
    seed: values.seed ?? DEFAULTS.seed,
    awkward: values.awkward ?? DEFAULTS.awkward,
  };
}

/**
 * Writes the data root into `dir`, which must not exist or be empty.
 * Returns what a client needs to address it: avatars, chats (`{avatar, file}`), groups, worlds, backgrounds, personas,
 * and the number of files and bytes.
 * @param {string} dir
 * @param {DataOptions} options
 */
export function generate(dir, options) {
  const random = new Random(`squaretable ${options.seed}`);
  const root = new DataRoot(dir, random.fork('times'));
  for (const folder of FOLDERS) root.folder(path.join('default-user', folder));
  writeServerFiles(root);
  const characters = writeCharacters(root, random, options.cards);
  const chats = writeChats(root, random, characters, options);
  const groups = writeGroups(root, random.fork('groups'), characters, 10);
  const worlds = writeWorlds(root, random, 12);
  const { backgrounds, personas } = writePictures(root, random.fork('pictures'), characters);
  writePresets(root, random.fork('presets'));
  writeSettings(root, random.fork('settings'), characters, personas);
  writeFiles(root, random.fork('files'), characters);
  if (options.awkward) writeAwkward(root, random.fork('awkward'));
  const avatars = characters.map(({ avatar }) => avatar);
  return { avatars, chats, groups, worlds, backgrounds, personas, files: root.files, bytes: root.bytes };
}

/** The account of the default user, the session secret, and the lists of default content that was already copied. */
function writeServerFiles(root) {
  const key = 'user:default-user';
  const value = { handle: 'default-user', name: 'User', created: root.moment(), password: '', admin: true, enabled: true, salt: '' };
  root.file(path.join('_storage', crypto.createHash('sha256').update(key).digest('hex')), JSON.stringify({ key, value }));
  // The settings are here, and the shipped character was deleted; the original adds its other defaults at its first start.
  root.user('content.log', 'settings.json\ndefault_Seraphina.png');
}

function main() {
  const { values, positionals } = parseArgs({ options: { ...OPTIONS, help: { type: 'boolean', short: 'h' } }, allowPositionals: true });
  if (values.help || positionals.length !== 1) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { avatars, files, bytes } = generate(positionals[0], dataOptions(values));
  console.log(`${positionals[0]}: ${avatars.length} cards, ${files} files, ${(bytes / 1e6).toFixed(1)} MB`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
  }
}
