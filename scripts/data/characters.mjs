// Character cards: real PNG files with V1, V2 and V3 cards of 3 to 10 KB.
import { cardChunk, picture } from './png.mjs';
import { humanized } from './root.mjs';

const TAGS = ['Fantasy', 'Sci-Fi', 'Slice of Life', 'Mystery', 'Female', 'Male', 'Non-binary', 'Elf', 'Robot', 'Assistant', 'Comedy',
  'Приключения', 'OC', 'RPG', 'Tsundere', '🦊'];

/** Writes `count` cards. Returns `[{name, avatar}]`, avatar being the file name. */
export function writeCharacters(root, random, count) {
  const taken = new Set();
  return Array.from({ length: count }, (_, index) => {
    const own = random.fork(`card ${index}`);
    const name = own.personName();
    const avatar = `${freeName(name, taken)}.png`;
    const moment = root.moment();
    const chunks = cardChunks(own, cardV2(own, name, moment));
    root.user(`characters/${avatar}`, picture(own, 64, 96, chunks), moment);
    return { name, avatar };
  });
}

/** The name rule of the original: `Ada`, `Ada1`, `Ada2` … */
function freeName(name, taken) {
  let free = name;
  for (let number = 1; taken.has(free); number++) free = `${name}${number}`;
  taken.add(free);
  return free;
}

/** Most cards were saved by SillyTavern (both chunks); others come from elsewhere, with one of them or a V1 card. */
function cardChunks(random, card) {
  const v2 = JSON.stringify(card);
  const v3 = JSON.stringify({ ...card, spec: 'chara_card_v3', spec_version: '3.0' });
  const kind = random.int(1, 100);
  if (kind <= 65) return [cardChunk('chara', v2), cardChunk('ccv3', v3)];
  if (kind <= 83) return [cardChunk('chara', JSON.stringify({ spec: 'chara_card_v2', spec_version: '2.0', data: card.data }))];
  if (kind <= 93) return [cardChunk('chara', JSON.stringify(cardV1(card)))];
  return [cardChunk('ccv3', v3)];
}

function cardV1(card) {
  const { name, description, personality, scenario, first_mes, mes_example } = card;
  return { name, description, personality, scenario, first_mes, mes_example, metadata: { version: 1, tool: { name: 'card editor' } } };
}

/** A V2 card with the top-level V1 fields repeated, as SillyTavern keeps them. */
export function cardV2(random, name, moment) {
  const texts = {
    name,
    description: random.prose(random.int(700, 3000)),
    personality: random.chance(0.6) ? random.words(12) : '',
    scenario: random.chance(0.6) ? random.prose(200) : '',
    first_mes: random.prose(random.int(300, 1200)),
    mes_example: random.chance(0.5) ? `<START>\n{{user}}: ${random.sentence()}\n{{char}}: ${random.prose(300)}` : '',
  };
  const tags = Array.from({ length: random.int(0, 6) }, () => random.pick(TAGS));
  const fav = random.chance(0.05);
  const notes = random.chance(0.5) ? random.prose(150) : '';
  return {
    ...texts,
    creatorcomment: notes,
    avatar: 'none',
    chat: `${name} - ${humanized(moment)}`,
    talkativeness: '0.5',
    fav,
    tags,
    spec: 'chara_card_v2',
    spec_version: '2.0',
    data: cardData(random, { ...texts, tags, creator_notes: notes }, fav),
    create_date: new Date(moment).toISOString(),
  };
}

function cardData(random, fields, fav) {
  const data = {
    ...fields,
    system_prompt: '',
    post_history_instructions: '',
    creator: random.chance(0.7) ? random.words(1) : '',
    character_version: random.chance(0.3) ? '1.1' : '',
    alternate_greetings: Array.from({ length: random.int(0, 2) }, () => random.prose(400)),
    extensions: { talkativeness: '0.5', fav, world: '', depth_prompt: { prompt: '', depth: 4, role: 'system' } },
    group_only_greetings: [],
  };
  if (random.chance(0.15)) {
    data.character_book = { name: `${fields.name}'s lore`, entries: Array.from({ length: 5 }, (_, id) => bookEntry(random, id)), extensions: {} };
  }
  return data;
}

function bookEntry(random, id) {
  return {
    id, keys: [random.words(1)], secondary_keys: [], comment: random.words(2), content: random.prose(200), constant: false, selective: false,
    insertion_order: 100, enabled: true, position: 'after_char', use_regex: true, extensions: { position: 1, depth: 4, probability: 100 },
  };
}
