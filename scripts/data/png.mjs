// PNG files with nothing but zlib: small varied pictures, and character cards in their text chunks.
import zlib from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A tEXt chunk. `text` must be Latin-1 without NUL. */
export function textChunk(keyword, text) {
  return chunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
}

/** A card as SillyTavern stores it: base64 of UTF-8 JSON text. */
export function cardChunk(keyword, json) {
  return textChunk(keyword, Buffer.from(json, 'utf8').toString('base64'));
}

/** An 8-bit RGB picture: a two-colour gradient with grain, so that it compresses about as badly as a drawing. */
export function picture(random, width, height, extraChunks = []) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = zlib.deflateSync(gradient(random, width, height), { level: 6 });
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', data), ...extraChunks, chunk('IEND', Buffer.alloc(0))]);
}

/** Raw rows, each led by filter type 0. */
function gradient(random, width, height) {
  const from = [random.int(0, 255), random.int(0, 255), random.int(0, 255)];
  const to = [random.int(0, 255), random.int(0, 255), random.int(0, 255)];
  const rows = Buffer.alloc(height * (1 + width * 3));
  let at = 0;
  for (let y = 0; y < height; y++) {
    at++;
    for (let x = 0; x < width; x++) {
      const share = (x / width + y / height) / 2;
      const grain = (random.next() % 9) - 4;
      for (let channel = 0; channel < 3; channel++) {
        const value = from[channel] + (to[channel] - from[channel]) * share + grain;
        rows[at++] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
  return rows;
}
