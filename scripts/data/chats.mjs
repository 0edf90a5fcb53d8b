// Chats and group chats: JSON Lines with a header, joined by newlines, no newline at the end.
import { humanized } from './root.mjs';

const MODELS = ['gpt-4o', 'claude-sonnet-4-5', 'gemini-2.5-pro', 'deepseek-chat', 'mistral-large'];

/** Two words that occur in no other text, in every fourth chat: what a search can find. */
export const RARE_WORDS = 'marzipan lighthouse';

const BIG_BYTES_PER_MESSAGE = 18_700_000 / 2457;

/** The first line of a chat file. */
export function header(random, more = {}) {
  return { chat_metadata: { integrity: random.uuid(), ...more }, user_name: 'unused', character_name: 'unused' };
}

/** One message. `at` is its time in milliseconds, `length` about the length of its text. */
export function message(random, { name, isUser, at, length }) {
  const base = { name: isUser ? 'User' : name, is_user: isUser, is_system: false, send_date: new Date(at).toISOString(), mes: random.prose(length) };
  if (isUser) return { ...base, extra: {} };
  const extra = { api: 'openai', model: random.pick(MODELS), token_count: Math.round(length / 4) };
  return { ...base, gen_started: new Date(at - 9000).toISOString(), gen_finished: new Date(at).toISOString(), extra };
}

/** The text of a chat of `count` messages that ends at `end` ms. */
export function chatText(random, name, count, end) {
  const legacy = random.chance(0.1);
  const rare = random.chance(0.25);
  const first = legacy
    ? { user_name: 'User', character_name: name, create_date: humanized(end - count * 60_000), chat_metadata: {} }
    : header(random, { note_prompt: '', note_interval: 1, timedWorldInfo: {} });
  const lines = [JSON.stringify(first)];
  for (let index = 0; index < count; index++) {
    const at = end - (count - 1 - index) * 60_000;
    const isUser = index % 2 === 1;
    const entry = message(random, { name, isUser, at, length: isUser ? random.int(20, 250) : random.int(100, 700) });
    if (!isUser && random.chance(0.1)) addSwipe(random, entry);
    if (rare && index === count >> 1) entry.mes += ` ${RARE_WORDS}`;
    lines.push(JSON.stringify(entry));
  }
  return lines.join('\n');
}

/** Offers another version of a message, as the frontend records it; returns how many bytes that added. */
function addSwipe(random, entry) {
  const before = Buffer.byteLength(JSON.stringify(entry));
  entry.swipes ??= [entry.mes];
  entry.swipe_info ??= [swipeInfo(entry)];
  entry.swipe_id = entry.swipes.length;
  entry.swipes.push(random.prose(Math.max(200, entry.mes.length - 100)));
  entry.swipe_info.push(swipeInfo(entry));
  return Buffer.byteLength(JSON.stringify(entry)) - before;
}

function swipeInfo({ send_date, gen_started, gen_finished, extra }) {
  return { send_date, gen_started, gen_finished, extra };
}

/**
 * A long-played chat: 2,457 messages make 18.7 MB, of which about four fifths are in `swipes`, `swipe_info` and `extra`.
 * Swipes are added wherever the chat is behind its share of bytes.
 */
export function bigChatText(random, name, count, end) {
  const lines = [JSON.stringify(header(random, { note_prompt: random.prose(300), variables: { chapter: '12', mood: 'calm' } }))];
  let bytes = lines[0].length;
  for (let index = 0; index < count; index++) {
    const at = end - (count - 1 - index) * 90_000;
    const isUser = index % 2 === 1;
    const entry = message(random, { name, isUser, at, length: isUser ? random.int(200, 900) : random.int(1300, 2700) });
    let missing = BIG_BYTES_PER_MESSAGE * (index + 1) - bytes - Buffer.byteLength(JSON.stringify(entry));
    if (!isUser) {
      entry.extra.reasoning = random.prose(random.int(600, 1400));
      entry.extra.reasoning_duration = random.int(900, 30_000);
      missing -= Buffer.byteLength(entry.extra.reasoning);
      while (missing > 1500) missing -= addSwipe(random, entry);
    }
    const line = JSON.stringify(entry);
    bytes += Buffer.byteLength(line) + 1;
    lines.push(line);
  }
  return lines.join('\n');
}

/** Messages of each chat of the character with many. */
const SHORT = 20;

/**
 * Writes `chats` chats: a fifth belong to the first character, the others are spread. The second character has the big
 * one, the last character `manyChats` short ones more. Returns `{busiest, small, big, many}`, each `{avatar, file}` (file
 * without `.jsonl`; `file` is a chat of that character).
 */
export function writeChats(root, random, characters, { chats, messages, bigChat, manyChats }) {
  const places = {};
  for (let index = 0; index < chats; index++) {
    const own = random.fork(`chat ${index}`);
    const owner = characters[index % 5 === 0 ? 0 : own.int(0, Math.min(characters.length, chats) - 1)];
    const place = writeChat(root, own, owner, (end) => chatText(own, owner.name, messages, end));
    if (index === 0) places.busiest = place;
    places.small = place;
  }
  if (bigChat > 0) {
    const own = random.fork('big chat');
    const owner = characters[Math.min(1, characters.length - 1)];
    places.big = writeChat(root, own, owner, (end) => bigChatText(own, owner.name, bigChat, end));
  }
  const last = characters[characters.length - 1];
  for (let index = 0; index < manyChats; index++) {
    const own = random.fork(`short chat ${index}`);
    places.many = writeChat(root, own, last, (end) => chatText(own, last.name, SHORT, end));
  }
  return places;
}

function writeChat(root, random, { name, avatar }, text) {
  const end = root.moment();
  const folder = avatar.replace('.png', '');
  const file = `${name} - ${humanized(end - random.int(1, 99) * 86_400_000)}`;
  root.user(`chats/${folder}/${file}.jsonl`, text(end), end);
  return { avatar, file };
}

/** Writes groups, two chats each. Returns their ids. */
export function writeGroups(root, random, characters, count) {
  return Array.from({ length: count }, (_, index) => {
    const own = random.fork(`group ${index}`);
    const end = root.moment();
    const chats = [end - 86_400_000, end].map(humanized);
    const members = Array.from({ length: own.int(2, 5) }, () => own.pick(characters));
    const id = String(end);
    root.userJson(`groups/${id}.json`, {
      id, name: own.words(2), members: [...new Set(members.map(({ avatar }) => avatar))], avatar_url: '', allow_self_responses: false,
      activation_strategy: own.int(0, 3), generation_mode: own.int(0, 2), disabled_members: [], fav: own.chance(0.2), chat_id: chats[1], chats,
      auto_mode_delay: 5, generation_mode_join_prefix: '', generation_mode_join_suffix: '', hideMutedSprites: false,
    }, end);
    for (const chat of chats) root.user(`group chats/${chat}.jsonl`, chatText(own, members[0].name, 60, end), end);
    return id;
  });
}
