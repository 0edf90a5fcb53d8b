// What real data roots also contain: files cut off, made by hand, by other programs, or on other systems.
import crypto from 'node:crypto';
import { cardV2 } from './characters.mjs';
import { header, message } from './chats.mjs';
import { FOLDERS } from './documents.mjs';
import { cardChunk, picture } from './png.mjs';
import { NEWEST } from './root.mjs';

const LONE = '\ud83d'; // half of an emoji, as left by a program that cuts text anywhere
const NAMES = ['Emoji 🦊✨', 'Zoe\u0308 NFD', '100% #1', "Quote's", 'plus+and&', 'semi;colon', 'dot.in.name', ' leading space', 'Ж'.repeat(98),
  'ＦＵＬＬ', 'a'.repeat(196), '[brackets]', '{{char}}', '~tilde', '-dash', 'percent%41', '$1', 'con-like'];

/** Adds all of it to a data root that has the usual content. */
export function writeAwkward(root, random) {
  awkwardNames(root, random);
  awkwardCards(root, random);
  awkwardChats(root, random);
  awkwardDocuments(root);
  awkwardFiles(root, random);
  awkwardServer(root);
}

function awkwardNames(root, random) {
  for (const name of NAMES) {
    root.user(`characters/${name}.png`, cardFile(random, cardV2(random, name, NEWEST)));
    root.user(`chats/${name}/${name}.jsonl`, chatLines(random, name).join('\n'));
  }
  // Names that Windows refuses; other systems make them.
  for (const name of ['double"quote', 'question?', 'star*', 'back\\slash', 'trailing dot.', 'trailing space ', 'a:b']) {
    root.user(`user/files/${name}`, 'x');
    root.user(`chats/Emoji 🦊✨/${name}.jsonl`, chatLines(random, name).join('\n'));
  }
  // Two names each on this system, one on others.
  for (const name of ['Zo\u00eb NFD', 'emoji 🦊✨']) root.user(`characters/${name}.png`, cardFile(random, cardV2(random, name, NEWEST)));
  root.user('chats/Zo\u00eb NFD/first.jsonl', chatLines(random, 'Zo\u00eb').join('\n'));
  root.user('chats/Zo\u00eb NFD/First.jsonl', chatLines(random, 'Zo\u00eb').join('\n'));
  root.user('worlds/Zo\u00eb & 100% #1.json', '{"entries":{}}');
  root.user('worlds/Zoe\u0308 & 100% #1.json', '{"entries":{}}');
  root.user('themes/🦊.json', '{"name":"🦊"}');
  root.user('backgrounds/100% #1 "q" 🦊.png', picture(random, 64, 36));
}

function cardFile(random, card) {
  const text = JSON.stringify(card);
  return picture(random, 64, 96, [cardChunk('chara', text), cardChunk('ccv3', text)]);
}

function chatLines(random, name) {
  const lines = [JSON.stringify(header(random))];
  for (let index = 0; index < 4; index++) {
    lines.push(JSON.stringify(message(random, { name, isUser: index % 2 === 1, at: NEWEST + index * 1000, length: 60 })));
  }
  return lines;
}

function awkwardCards(root, random) {
  const put = (name, chunks) => root.user(`characters/${name}.png`, picture(random, 64, 96, chunks));
  const odd = cardV2(random, 'Odd', NEWEST);
  odd.data.description = `nul \u0000, lone ${LONE}, separators \u2028\u2029, private \ue000`;
  odd.unknown_key = { kept: [1.0, 1e400, -0, 12345678901234567890n.toString()] };
  put('Odd', [cardChunk('chara', JSON.stringify(odd))]);
  const numbers = JSON.stringify(odd).replace('"unknown_key":', '"number":1.50e+1,"big":12345678901234567890,"number":2,"unknown_key":');
  put('Numbers and a key twice', [cardChunk('chara', numbers)]);
  put('Upper case keyword', [cardChunk('CHARA', JSON.stringify(odd))]);
  put('Two cards', [cardChunk('chara', JSON.stringify(odd)), cardChunk('chara', JSON.stringify({ ...odd, name: 'Second' }))]);
  put('No card', []);
  put('Not JSON', [cardChunk('chara', '{"name": "cut off')]);
  put('Byte order mark', [cardChunk('chara', `\ufeff${JSON.stringify(odd)}`)]);
  put('Fields of other types', [cardChunk('chara', JSON.stringify({ name: 'Fields', description: 7, tags: 'a, b', fav: 'true', talkativeness: 1, data: null }))]);
  root.user('characters/Cut off.png', cardFile(random, odd).subarray(0, 3000));
  const damaged = cardFile(random, odd);
  damaged[damaged.length - 40] ^= 0xff; // inside the last text chunk, whose checksum no longer fits
  root.user('characters/Wrong checksum.png', damaged);
  root.user('characters/Empty.png', '');
  root.user('characters/Text.png', 'This is no picture.');
  root.user('characters/readme.txt', 'A file among the cards.');
}

function awkwardChats(root, random) {
  const folder = 'chats/Odd';
  const put = (name, content) => root.user(`${folder}/${name}.jsonl`, content);
  const lines = chatLines(random, 'Odd');
  const text = lines.join('\n');
  put('Byte order mark', `\ufeff${text}`);
  put('Windows lines', lines.join('\r\n'));
  put('Newline at the end', `${text}\n`);
  put('Blank lines', `${lines.join('\n\n')}\n\n\n`);
  put('Cut off', text.slice(0, -40));
  put('Broken in the middle', [lines[0], lines[1].slice(0, 30), ...lines.slice(2)].join('\n'));
  put('Not objects', [lines[0], 'null', '3', '[]', '"text"', ...lines.slice(1)].join('\n'));
  put('Empty', '');
  put('Only a header', lines[0]);
  put('No header', lines.slice(1).join('\n'));
  put('Header only is broken', ['{"chat_metadata":', ...lines.slice(1)].join('\n'));
  const entry = message(random, { name: 'Odd', isUser: false, at: NEWEST, length: 40 });
  put('Odd characters', `${text}\n${JSON.stringify({ ...entry, mes: `nul \u0000 lone ${LONE} end` })}`);
  put('Odd spelling', `${text}\n{ "name" : "Odd","mes":"\\u0041 \\/ \u2028", "number":1.0, "big":12345678901234567890, "mes":"twice" ,"send_date":1700000000000}`);
  put('Not UTF-8', Buffer.concat([Buffer.from(`${text}\n{"name":"Odd","is_user":false,"send_date":"June 19, 2023 2:20pm","mes":"caf`), Buffer.from([0xe9, 0xff, 0xc3]), Buffer.from('"}')]));
  put('Message not UTF-8 at all', Buffer.concat([Buffer.from(`${text}\n`), Buffer.from([0xff, 0xfe, 0x00, 0x80])]));
  root.user(`${folder}/not a chat.txt`, 'x');
  root.user(`${folder}/deeper/nested.jsonl`, text);
  root.user('chats/Nobody left/orphan.jsonl', text);
  root.folder('default-user/chats/Empty folder');
  root.user('chats/loose.jsonl', text);
  root.user('group chats/orphan.jsonl', text);
}

function awkwardDocuments(root) {
  const broken = '{"name": "cut off';
  for (const folder of ['worlds', 'themes', 'OpenAI Settings', 'TextGen Settings', 'KoboldAI Settings', 'NovelAI Settings', 'instruct', 'context',
    'QuickReplies', 'groups']) {
    root.user(`${folder}/Broken.json`, broken);
  }
  root.user('worlds/Empty.json', '');
  root.user('worlds/UPPER.JSON', '{"entries":{}}');
  root.user('worlds/Array.json', '[]');
  root.user('worlds/No entries.json', '{"name":"none"}');
  root.user('themes/Byte order mark.json', '\ufeff{"name":"Byte order mark"}');
  root.user('themes/readme.txt', 'x');
  root.user('OpenAI Settings/Odd.json', '{ "temperature": 1.0, "text": "\\ud83d \\u0000", "big": 12345678901234567890 }\r\n');
  root.user('groups/missing chat.json', '{"id":"missing chat","name":"g","members":["gone.png"],"chat_id":"gone","chats":["gone"]}');
}

function awkwardFiles(root, random) {
  root.user('stray/a/b/c/deep 🦊.bin', Buffer.from(Array.from({ length: 4096 }, () => random.int(0, 255))));
  root.folder('default-user/stray/empty');
  root.user('.hidden', 'x');
  root.user('backgrounds/not a picture.png', 'x');
  root.user('backgrounds/notes.txt', 'x');
  root.user('User Avatars/cut.png', picture(random, 64, 64).subarray(0, 100));
  root.user('assets/bgm/song.mp3', Buffer.alloc(2000, 0xaa));
  root.user('extensions/my-extension/manifest.json', '{"display_name":"Mine","js":"index.js","version":"1"}');
  root.user('extensions/my-extension/.git/HEAD', 'ref: refs/heads/main\n');
  root.user('extensions/not an extension/file.txt', 'x');
  root.user('vectors/openai/text-embedding-3-small/collection/index.json', '{"version":1,"items":[]}');
  root.user('user/files/before 1970.txt', 'x', -86_400_000);
  root.user('user/files/after 2038.txt', 'x', 4_000_000_000_000);
  root.user('secrets.json.1234567', '{"api_key_openai": "left by a write that was cut off"}');
  root.user('backups/secrets_migration_1750000000000.json', '{"api_key_openai": "as it was before lists"}');
  root.user('backups/chat_ada_20260101-120000.jsonl', '{"mes":"as it was"}');
}

/** What lies in the data root and belongs to no account, and an account whose record holds more than SillyTavern writes. */
function awkwardServer(root) {
  root.file('cookie-secret.txt', 'signs sessions');
  root.file('content.log', 'errors/url-not-found.html\nuser.css');
  root.file('_css/user.css', 'body { color: red; }\n');
  root.file('_errors/url-not-found.html', '<h1>Nothing here</h1>');
  root.file('_errors/my own.html', '');
  root.file('notes.txt', 'about this server');
  root.file('.DS_Store', 'x');
  root.file('someone-else/settings.json', '{}');
  root.file('someone-else/secrets.json', '{"api_key_openai": "of nobody"}');
  root.file('someone-else/chats/Ada/a.jsonl', '{"mes":1}\n{"mes":');
  root.folder('someone-else/worlds');
  root.folder('lost+found');
  const record = (key, value) => root.file(`_storage/${crypto.createHash('sha256').update(key).digest('hex')}`, JSON.stringify({ key, value }, null, 2));
  record('user:ann', { handle: 'ann', name: 'Ann é', created: 1_711_111_111_111, password: 'aGFzaA==', salt: 'c2FsdA==', admin: false, enabled: true, note: 'mine' });
  record('avatar:ann', '');
  record('avatar:gone', 'data:,');
  record('other:key', 1);
  root.file('_storage/.hidden', 'x');
  for (const folder of FOLDERS) root.folder(`ann/${folder}`);
  root.file('ann/settings.json', '{}');
  root.file('ann/chats/Ada/a.jsonl', '{"mes":1}');
}
