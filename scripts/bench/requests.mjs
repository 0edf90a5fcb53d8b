// What is measured: the requests of a session with the unmodified frontend, on the same data for both servers.
import { message, RARE_WORDS } from '../data/chats.mjs';
import { Random } from '../data/random.mjs';
import { NEWEST } from '../data/root.mjs';
import { decoded } from './http.mjs';

/**
 * @typedef {object} Measured
 * @property {string} name as in the table
 * @property {(server: object, turn: number) => {method: string, path: string, body?: string | Buffer}} make
 *   the request of a turn; the same turn must give the same request for every server
 * @property {number} [turns] how many distinct turns there are, where each must meet something new
 * @property {(server: object) => Promise<void>} [prepare] once for every server
 */

/** @param {object} data what `generate` returned. @returns {Measured[]} */
export function measuredRequests(data) {
  const { busiest, small, big, many } = data.chats;
  const list = [
    get('GET /', '/'),
    post('settings/get', '/api/settings/get', {}),
    post('characters/all', '/api/characters/all', {}),
    post('characters/chats', '/api/characters/chats', { avatar_url: busiest.avatar }),
    many && post('characters/chats, many', '/api/characters/chats', { avatar_url: many.avatar }),
    post('chats/get, small', '/api/chats/get', chatAddress(small)),
    big && post('chats/get, long', '/api/chats/get', chatAddress(big)),
    post('chats/search, no query', '/api/chats/search', search(busiest, '')),
    post('chats/search, two words', '/api/chats/search', search(busiest, RARE_WORDS)),
    post('chats/search, no match', '/api/chats/search', search(busiest, 'zyzzyva quokka')),
    post('chats/recent, 15', '/api/chats/recent', { max: 15 }),
    post('chats/recent, all', '/api/chats/recent', {}),
    post('groups/all', '/api/groups/all', {}),
    post('worldinfo/get', '/api/worldinfo/get', { name: data.worlds[0] }),
    post('backgrounds/all', '/api/backgrounds/all', {}),
    post('secrets/read', '/api/secrets/read', {}),
    post('tokenizers/openai/count', '/api/tokenizers/openai/count?model=gpt-4o', [{ role: 'user', content: new Random('tokens').prose(4000) }]),
    thumbnails('thumbnail, avatar, cold', 'avatar', data.avatars.slice(1)),
    get('thumbnail, avatar, warm', thumbnail('avatar', data.avatars[0])),
    thumbnails('thumbnail, background, cold', 'bg', data.backgrounds.slice(1)),
    get('thumbnail, background, warm', thumbnail('bg', data.backgrounds[0])),
    append('chats/save, small', small),
    big && append('chats/save, long', big),
  ];
  return list.filter(Boolean);
}

function get(name, path) {
  return { name, make: () => ({ method: 'GET', path }) };
}

function post(name, path, body) {
  const text = JSON.stringify(body);
  return { name, make: () => ({ method: 'POST', path, body: text }) };
}

function chatAddress({ avatar, file }) {
  return { avatar_url: avatar, file_name: file };
}

function search({ avatar }, query) {
  return { query, avatar_url: avatar, group_id: null };
}

function thumbnail(type, file) {
  return `/thumbnail?type=${type}&file=${encodeURIComponent(file)}`;
}

/** A thumbnail that was never asked for, in every turn. */
function thumbnails(name, type, files) {
  return { name, turns: files.length, make: (_, turn) => ({ method: 'GET', path: thumbnail(type, files[turn]) }) };
}

/** Saving a chat after one more message. The body is made before the clock starts. */
export function append(name, chat) {
  const texts = new WeakMap();
  return {
    name,
    async prepare(server) {
      const reply = await server.client.send('POST', '/api/chats/get', JSON.stringify(chatAddress(chat)));
      const text = decoded(reply).toString();
      if (reply.status !== 200 || !text.startsWith('[{')) throw new Error(`${server.name} does not give the chat ${chat.file}: status ${reply.status}`);
      texts.set(server, text.trimEnd().slice(0, -1));
    },
    make(server, turn) {
      const text = `${texts.get(server)},${JSON.stringify(newMessage(`${name} ${turn}`))}`;
      texts.set(server, text);
      const address = JSON.stringify({ ch_name: chat.avatar.replace('.png', ''), ...chatAddress(chat), force: false }).slice(0, -1);
      return { method: 'POST', path: '/api/chats/save', body: Buffer.from(`${address},"chat":${text}]}`) };
    },
  };
}

function newMessage(seed) {
  return message(new Random(seed), { name: 'New', isUser: false, at: NEWEST, length: 600 });
}
