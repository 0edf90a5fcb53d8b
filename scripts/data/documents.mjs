// Everything of a user that is neither a character nor a chat: settings, worlds, presets, themes, pictures, files.
import { picture } from './png.mjs';

/** The folders the original makes for a user at every start. */
export const FOLDERS = ['thumbnails/bg', 'thumbnails/avatar', 'thumbnails/persona', 'worlds', 'user/images', 'user/workflows', 'user/files',
  'User Avatars', 'groups', 'group chats', 'chats', 'characters', 'backgrounds', 'NovelAI Settings', 'KoboldAI Settings', 'OpenAI Settings',
  'TextGen Settings', 'themes', 'movingUI', 'extensions', 'instruct', 'context', 'QuickReplies', 'assets', 'vectors', 'backups', 'sysprompt',
  'reasoning'];

/** Writes `settings.json` and `secrets.json`. */
export function writeSettings(root, random, characters, personas) {
  const tags = Array.from({ length: 30 }, (_, index) => ({
    id: random.uuid(), name: `${random.words(1)} ${index}`, folder_type: 'NONE', filter_state: 'UNDEFINED', sort_order: index, is_hidden_on_character_card: false,
    color: 'rgba(108, 32, 32, 1)', color2: '', create_date: root.moment(),
  }));
  const tagged = characters.filter(() => random.chance(0.8));
  root.userJson('settings.json', {
    firstRun: false,
    accountStorage: { Characters_PerPage: '50', Personas_PerPage: '10' },
    currentVersion: '1.19.0',
    username: 'User',
    active_character: characters[0]?.avatar ?? null,
    active_group: null,
    user_avatar: personas[0],
    amount_gen: 400,
    max_context: 16384,
    main_api: 'openai',
    world_info_settings: { world_info: { globalSelect: ['World 0'], charLore: [] }, world_info_depth: 2, world_info_budget: 25 },
    textgenerationwebui_settings: { temp: 1, top_p: 0.95, top_k: 40, rep_pen: 1.05, preset: 'Preset 0' },
    swipes: true,
    horde_settings: { models: [], auto_adjust_response_length: true, auto_adjust_context_length: false, trusted_workers_only: false },
    power_user: powerUser(random, personas),
    extension_settings: extensionSettings(random),
    tags,
    tag_map: Object.fromEntries(tagged.map(({ avatar }) => [avatar, [random.pick(tags).id, random.pick(tags).id]])),
    nai_settings: { temperature: 1.5, preset_settings_novel: 'Preset 0' },
    kai_settings: { temp: 1, preset_settings: 'Preset 0' },
    oai_settings: { preset_settings_openai: 'Preset 0', temp_openai: 0.9, chat_completion_source: 'openai', openai_model: 'gpt-4o' },
    background: { name: 'background 0.png', url: 'url("backgrounds/background%200.png")', fitting: 'cover', animation: false },
    proxies: [{ name: 'None', url: '', password: '' }],
    selected_proxy: { name: 'None', url: '', password: '' },
  });
  const secret = { id: random.uuid(), value: `sk-${random.uuid()}`, label: 'Work 🔑', active: true };
  root.userJson('secrets.json', { api_key_openai: [secret], _migrated: [] });
}

function powerUser(random, personas) {
  return {
    default_persona: personas[0],
    personas: Object.fromEntries(personas.map((file) => [file, random.personName()])),
    persona_descriptions: Object.fromEntries(personas.map((file) => [file, { description: random.prose(400), position: 0 }])),
    theme: 'Theme 0',
    fast_ui_mode: true,
    timer_enabled: true,
    custom_css: '',
  };
}

function extensionSettings(random) {
  const regex = Array.from({ length: 25 }, (_, index) => ({
    id: random.uuid(), scriptName: `Script ${index}`, findRegex: `/${random.words(1)}/g`, replaceString: random.prose(300), trimStrings: [],
    placement: [2], disabled: false, markdownOnly: true, promptOnly: false, runOnEdit: true, substituteRegex: 0, minDepth: null, maxDepth: null,
  }));
  return { regex, note: { default: '', chara: [], wiAddition: [] }, memory: { prompt: random.prose(500) }, disabledExtensions: [], variables: { global: {} } };
}

/** Writes lorebooks of 60 entries. Returns their names. */
export function writeWorlds(root, random, count) {
  return Array.from({ length: count }, (_, index) => {
    const own = random.fork(`world ${index}`);
    const entries = Object.fromEntries(Array.from({ length: 60 }, (__, uid) => [uid, worldEntry(own, uid)]));
    root.userJson(`worlds/World ${index}.json`, { entries });
    return `World ${index}`;
  });
}

function worldEntry(random, uid) {
  return {
    uid, key: [random.words(1), random.words(1)], keysecondary: [], comment: random.words(3), content: random.prose(random.int(150, 900)),
    constant: false, vectorized: false, selective: true, selectiveLogic: 0, addMemo: true, order: 100, position: 0, disable: false,
    excludeRecursion: false, preventRecursion: false, delayUntilRecursion: false, probability: 100, useProbability: true, depth: 4, group: '',
    groupOverride: false, groupWeight: 100, scanDepth: null, caseSensitive: null, matchWholeWords: null, useGroupScoring: null,
    automationId: '', role: null, sticky: 0, cooldown: 0, delay: 0, triggers: [], displayIndex: uid,
  };
}

/** Writes a few presets of every kind, themes, a layout and quick replies. */
export function writePresets(root, random) {
  for (let index = 0; index < 6; index++) {
    const name = `Preset ${index}`;
    root.userJson(`OpenAI Settings/${name}.json`, openAiPreset(random));
    root.userJson(`TextGen Settings/${name}.json`, { temp: 1 + index / 10, top_p: 0.95, top_k: 40, rep_pen: 1.1, sampler_order: [6, 0, 1, 3, 4, 2, 5] });
    root.userJson(`KoboldAI Settings/${name}.json`, { temp: 0.7, rep_pen: 1.1, top_p: 0.9, sampler_order: [6, 0, 1, 3, 4, 2, 5] });
    root.userJson(`NovelAI Settings/${name}.json`, { temperature: 1.2, max_length: 250, order: [1, 0, 3], phrase_rep_pen: 'aggressive' });
    root.userJson(`instruct/${name}.json`, { name, input_sequence: `### ${index}:`, output_sequence: '### Response:', wrap: true, macro: true });
    root.userJson(`context/${name}.json`, { name, story_string: '{{description}}\n{{scenario}}', chat_start: '***', example_separator: '***' });
    root.userJson(`sysprompt/${name}.json`, { name, content: random.prose(500), post_history: '' });
    root.userJson(`reasoning/${name}.json`, { name, prefix: '<think>\n', suffix: '\n</think>', separator: '\n\n' });
    root.userJson(`themes/Theme ${index}.json`, { name: `Theme ${index}`, blur_strength: index, main_text_color: 'rgba(220, 220, 210, 1)', custom_css: random.prose(2000) });
    root.userJson(`QuickReplies/Set ${index}.json`, quickReplies(random, `Set ${index}`));
  }
  root.userJson('movingUI/Wide.json', { name: 'Wide', movingUIState: { 'left-nav-panel': { top: 40, left: 10, width: 400, height: 900 } } });
  root.user('sysprompt/.migrated', '');
}

function openAiPreset(random) {
  const prompts = Array.from({ length: 12 }, (_, index) => ({
    identifier: random.uuid(), name: `Prompt ${index}`, role: 'system', content: random.prose(700), system_prompt: false, marker: false,
  }));
  const order = prompts.map(({ identifier }) => ({ identifier, enabled: random.chance(0.7) }));
  return { temperature: 0.9, top_p: 1, openai_max_context: 128_000, openai_max_tokens: 800, prompts, prompt_order: [{ character_id: 100001, order }] };
}

function quickReplies(random, name) {
  const qrList = Array.from({ length: 8 }, (_, id) => ({
    id, icon: '', showLabel: false, label: random.words(1), title: '', message: `/echo ${random.sentence()}`, contextList: [], preventAutoExecute: true,
    isHidden: false, executeOnStartup: false, executeOnUser: false, executeOnAi: false, executeOnChatChange: false, automationId: '',
  }));
  return { version: 2, name, disableSend: false, placeBeforeInput: false, injectInput: false, color: 'rgba(0, 0, 0, 0)', onlyBorderColor: false, qrList, idIndex: 8 };
}

/** Writes backgrounds, persona avatars and a gallery. Returns the names of the first two kinds. */
export function writePictures(root, random, characters) {
  const many = (count, folder, name, width, height) => Array.from({ length: count }, (_, index) => {
    root.user(`${folder}/${name(index)}`, picture(random, width, height));
    return name(index);
  });
  const backgrounds = many(24, 'backgrounds', (index) => `background ${index}.png`, 320, 180);
  const personas = many(8, 'User Avatars', (index) => `${1_750_000_000_000 + index}.png`, 96, 144);
  for (const { name } of characters.slice(0, 5)) many(3, `user/images/${name}`, (index) => `${name}_${index}.png`, 128, 128);
  return { backgrounds, personas };
}

/** Writes attachments, a workflow, a sprite folder, a backup, and what no version of the original knows. */
export function writeFiles(root, random, characters) {
  for (let index = 0; index < 10; index++) root.user(`user/files/${1_750_000_000_000 + index}_notes.txt`, random.prose(5000));
  root.userJson('user/workflows/Portrait.json', { 3: { class_type: 'KSampler', inputs: { seed: 1, steps: 20 } } });
  for (const label of ['joy', 'anger', 'neutral']) root.user(`characters/${characters[0].name}/${label}.png`, picture(random, 48, 48));
  root.user('backups/settings_default-user_20260101-120000.json', '{}');
  root.user('my notes.txt', 'Not a file of SillyTavern.\n');
  root.user('old things/list.csv', 'a;b\n1;2\n');
}
