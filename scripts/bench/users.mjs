// Accounts made through the administrator's routes, and a browser for each that is logged in.
import http from 'node:http';
import { message } from '../data/chats.mjs';
import { Random } from '../data/random.mjs';
import { NEWEST } from '../data/root.mjs';
import { Client, decoded } from './http.mjs';

/** Users that are made and logged in at a time. */
const AT_ONCE = 8;

/** A browser: cookies and token, and a connection to each node, which take turns as behind a balancer. */
export class User {
  constructor(bases, name) {
    this.name = name;
    this.headers = { 'accept-encoding': 'gzip' };
    this.cookies = new Map();
    this.clients = bases.map((base) => Object.assign(new Client(base, 'gzip'), { headers: this.headers }));
    this.turn = Math.floor(Math.random() * bases.length);
  }

  next() {
    this.turn += 1;
    return this.clients[this.turn % this.clients.length];
  }

  /** A request to the node whose turn it is. */
  async send(method, path, body) {
    const reply = await this.next().send(method, path, body);
    for (const cookie of reply.headers['set-cookie'] ?? []) {
      const [pair] = cookie.split(';');
      this.cookies.set(pair.slice(0, pair.indexOf('=')), pair);
      this.headers.cookie = [...this.cookies.values()].join('; ');
    }
    return reply;
  }

  /** Where a request of one's own goes, and with what; streams have connections of their own. */
  target(path) {
    return { url: new URL(path, this.next().base), headers: this.headers, agent: new http.Agent({ keepAlive: false }) };
  }

  decoded(reply) {
    return decoded(reply).toString();
  }

  /** A request that has to work: its answer as JSON, if it is. */
  async must(method, path, body, status = 200) {
    const reply = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
    const text = this.decoded(reply);
    if (reply.status !== status) throw new Error(`${this.name}: ${method} ${path} answered ${reply.status} ${text.slice(0, 200)}`);
    return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
  }

  async fetchToken() {
    this.headers['x-csrf-token'] = (await this.must('GET', '/csrf-token')).token;
  }

  /** Logs in; the token from before is worth nothing afterwards. */
  async logIn(handle, password) {
    await this.fetchToken();
    await this.must('POST', '/api/users/login', { handle, password });
    await this.fetchToken();
  }

  /** The names of its backgrounds. */
  async backgrounds() {
    const { images } = await this.must('POST', '/api/backgrounds/all', {});
    return images.map((image) => image.filename ?? image);
  }

  /** A character, and a chat with it; without the backgrounds of a new account. */
  async settle(messages, backgrounds) {
    for (const bg of backgrounds) await this.must('POST', '/api/backgrounds/delete', { bg });
    const random = new Random(`user ${this.name}`);
    const name = 'Load';
    this.avatar = await this.must('POST', '/api/characters/create', { ch_name: name, description: random.prose(1000), first_mes: 'Hello.' });
    this.file = 'load';
    this.chat = [{ user_name: 'unused', character_name: 'unused', chat_metadata: {} }];
    for (let n = 0; n < messages; n += 1) this.say(random);
    const body = { avatar_url: this.avatar, ch_name: name, file_name: this.file, chat: this.chat, force: false };
    await this.must('POST', '/api/chats/save', body);
  }

  /** One message more. */
  say(random) {
    const isUser = this.chat.length % 2 === 1;
    this.chat.push(message(random, { name: isUser ? 'User' : 'Load', isUser, at: NEWEST, length: 600 }));
  }

  /** The chat as the server has it. */
  async stored() {
    try {
      return await this.must('POST', '/api/chats/get', { avatar_url: this.avatar, file_name: this.file });
    } catch {
      return this.chat;
    }
  }

  close() {
    this.clients.forEach((client) => client.close());
  }
}

/** Makes this many users, each logged in and with a chat, on servers that are new. */
export async function withUsers(bases, count, messages) {
  const admin = new User(bases.slice(0, 1), 'administrator');
  await admin.logIn('default-user', '');
  // The original puts the frontend's libraries together when it has started, and answers nothing else meanwhile.
  await admin.must('GET', '/lib.js');
  const make = async (n) => {
    const handle = `load-${n}`;
    // Without passwords: a thousand of them would take longer to hash than the load takes.
    await admin.must('POST', '/api/users/create', { handle, name: handle });
    const user = new User(bases, handle);
    await user.logIn(handle, '');
    return user;
  };
  const users = [await make(0)];
  // Both servers look at every picture of a new account once; that is not what is measured.
  const backgrounds = await users[0].backgrounds();
  await users[0].settle(messages, backgrounds);
  let next = 1;
  const work = async () => {
    while (next < count) {
      const n = next;
      next += 1;
      const user = await make(n);
      await user.settle(messages, backgrounds);
      users.push(user);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  admin.close();
  return users;
}
