// Repeatable randomness, and prose made of it: the same seed gives the same data on every machine.
import crypto from 'node:crypto';

const WORDS = `the a of and to in with over under beside lantern river harbour winter amber glass tower silver engine
garden ember salt whisper marble copper thunder candle forest meadow station letter window corridor market bridge
captain weaver scholar baker hunter stranger sister keeper clerk pilot drummer she he they it who that this every
slowly gently suddenly barely almost never always again together quietly walked turned laughed waited opened carried
remembered answered followed watched lifted folded promised forgot listened reached softly cold warm bright narrow
ancient hollow gentle restless crooked familiar distant golden broken patient curious morning evening midnight summer
autumn storm rain snow dust smoke shadow light voice hand shoulder door table map key coin book song story secret
name road stair roof wall stone water fire wind bread tea wine clock mirror blade rope boat wheel`.split(/\s+/);

/** Made into rarer words, so that prose compresses about as well as English does, not far better. */
const SYLLABLES = `ar ba cel dor en fal gri hal is jor ka len mor na ol per qui ras sta tir ul ver wen yor zan bri cla dre
fro glim hest ing ka-li lum mer nes ost pra ril ton`.split(/\s+/);

const UNICODE = ['Привет, как дела?', '月の光が静かに落ちる。', 'Ça alors, déjà vu…', 'Grüße aus Köln!', '안녕하세요.', '🦊✨ *swish*', '¿Quién anda ahí?',
  'שלום עולם', '👩‍👩‍👧 family', 'e\u0301tude'];

const FIRST = `Ada Bram Celia Dorian Elspeth Fenn Greta Hollis Ines Jasper Kestrel Liora Magnus Nadia Oren Petra Quill Rosalind
Silas Tamsin Ulric Vesna Wren Xanthe Yara Zephyr Björk Chloé Łucja Søren Мила 月乃 하늘 Aşkın Ñusta Renée`.split(/\s+/);

const LAST = `Ashdown Blackwater Carrow Dunmore Everly Fairwind Grimsby Hathaway Ironwood Juniper Kingsley Larkspur Marlowe
Nightingale Oakes Pemberton Quarrie Ravenscroft Stillwater Thornbury Underhill Vance Whitlock Yarrow`.split(/\s+/);

/** A stream of numbers from a text (xorshift128 seeded by SHA-256). Streams of different names are independent. */
export class Random {
  /** @param {string} seed */
  constructor(seed) {
    this.seed = seed;
    const digest = crypto.createHash('sha256').update(seed).digest();
    [this.x, this.y, this.z, this.w] = [0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset) | 1);
  }

  /** A stream of its own for one item, so that adding an item elsewhere leaves this one as it was. */
  fork(name) {
    return new Random(`${this.seed}/${name}`);
  }

  /** A whole number of 32 bits. */
  next() {
    const t = this.x ^ (this.x << 11);
    this.x = this.y;
    this.y = this.z;
    this.z = this.w;
    this.w = (this.w ^ (this.w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return this.w;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low, high) {
    return low + (this.next() % (high - low + 1));
  }

  /** True in `share` (0 to 1) of the cases. */
  chance(share) {
    return this.next() / 2 ** 32 < share;
  }

  pick(list) {
    return list[this.next() % list.length];
  }

  /** A version 4 UUID. */
  uuid() {
    const hex = Array.from({ length: 4 }, () => this.next().toString(16).padStart(8, '0')).join('');
    const variant = '89ab'[this.next() % 4];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  word() {
    if (this.chance(0.65)) return this.pick(WORDS);
    let word = '';
    for (let left = this.int(2, 3); left > 0; left--) word += this.pick(SYLLABLES);
    return word;
  }

  words(count) {
    let words = count > 0 ? this.word() : '';
    for (let left = count - 1; left > 0; left--) words += ` ${this.word()}`;
    return words;
  }

  /** A sentence, now and then dialogue, an action between asterisks, or not in English. */
  sentence() {
    if (this.chance(0.03)) return this.pick(UNICODE);
    const words = this.words(this.int(5, 16));
    const text = words[0].toUpperCase() + words.slice(1);
    return this.pick([`${text}.`, `${text}.`, `${text}.`, `"${text}!"`, `*${words}*`, `“${text}?”`]);
  }

  /** Prose of at least `length` UTF-16 units, in paragraphs. */
  prose(length) {
    let text = '';
    while (text.length < length) {
      text += text && (this.chance(0.2) ? '\n\n' : ' ');
      text += this.sentence();
    }
    return text;
  }

  personName() {
    const first = this.pick(FIRST);
    return this.chance(0.7) ? `${first} ${this.pick(LAST)}` : first;
  }
}
