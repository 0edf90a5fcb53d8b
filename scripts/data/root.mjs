// The folder being written: paths relative to the data root, and a time of change for every file.
import fs from 'node:fs';
import path from 'node:path';

/** All times lie in the year before this moment, so that they do not depend on when the generator runs. */
export const NEWEST = Date.UTC(2026, 5, 30, 12);
const YEAR = 365 * 24 * 3600 * 1000;

export class DataRoot {
  /**
   * @param {string} dir must not exist, or be empty
   * @param {import('./random.mjs').Random} random
   */
  constructor(dir, random) {
    if (fs.existsSync(dir) && fs.readdirSync(dir).length > 0) throw new Error(`${dir} is not empty`);
    this.dir = path.resolve(dir);
    this.random = random;
    this.files = 0;
    this.bytes = 0;
  }

  folder(relative) {
    fs.mkdirSync(path.join(this.dir, relative), { recursive: true });
  }

  /** A moment in the year, in milliseconds. */
  moment() {
    return NEWEST - this.random.int(0, YEAR / 1000) * 1000 - this.random.int(0, 999);
  }

  /** Writes a file (UTF-8 when text) with the given time of change, or a random one. */
  file(relative, content, modified = this.moment()) {
    const target = path.join(this.dir, relative);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, content);
    fs.utimesSync(target, modified / 1000, modified / 1000);
    this.files++;
    this.bytes += Buffer.byteLength(content);
  }

  /** The same for a file of the one user. */
  user(relative, content, modified) {
    this.file(path.join('default-user', relative), content, modified);
  }

  /** JSON as SillyTavern writes it: indented by four spaces. */
  userJson(relative, value, modified) {
    this.user(relative, JSON.stringify(value, null, 4), modified);
  }
}

/** `2026-11-22@18h15m27s691ms`, as in the names of chats. UTC, so that names do not depend on the machine. */
export function humanized(moment) {
  const [, date, hour, minute, second, fraction] = /^(.*)T(\d+):(\d+):(\d+)\.(\d+)Z$/.exec(new Date(moment).toISOString());
  return `${date}@${hour}h${minute}m${second}s${fraction}ms`;
}
