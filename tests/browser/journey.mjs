// node journey.mjs <server> <backend> <card.png> <pictures>: one person's first evening, every step in the real page.

import { launch, Visitor } from './browser.mjs';
import * as tavern from './sillytavern.mjs';

const [server, backend, card, out] = process.argv.slice(2);
const PERSONA = 'Ada of the Shore';
const CHARACTER = 'Marlow the Keeper';
const QUESTION = 'Is the lamp lit tonight?';
const BEGINNING = 'The lamp is lit';
const REPLY = 'The lamp is lit and the tide turns.';
const DESCRIPTION = 'Marlow keeps the lighthouse, and a diary.';

const browser = await launch();
try {
    await journey(await Visitor.arrive(browser, { name: 'journey', url: server, out }));
} catch {
    process.exitCode = 1;
} finally {
    await browser.close();
}

async function journey(visitor) {
    const { page } = visitor;
    await visitor.step('first visit: the persona', () => tavern.introduce(visitor, PERSONA));
    await visitor.step('import a card through the file chooser', () => tavern.importCharacter(visitor, card));
    await visitor.step('open the character: its greeting', async () => {
        await tavern.openCharacter(visitor, CHARACTER);
        await tavern.shows(page, `Welcome, ${PERSONA}`);
    });
    await visitor.step('connect a Custom source', () => tavern.connect(visitor, `${backend}/v1`, 'mock-model'));
    await visitor.step('send, and watch the reply come', () => conversation(visitor));
    await visitor.step('reload: all there', () => afterReload(visitor));
    await visitor.picture('after-reload');
    await visitor.step('edit the description', () => tavern.describe(visitor, DESCRIPTION));
    await visitor.step('add a background', () => tavern.addBackground(visitor, card));
    await visitor.step('make a group', () => tavern.createGroup(visitor, [CHARACTER, 'Seraphina']));
    await visitor.picture('group');
    await visitor.step('no complaints', () => visitor.expectNoComplaints());
}

async function conversation(visitor) {
    const { page } = visitor;
    await tavern.send(page, QUESTION);
    await tavern.shows(page, BEGINNING);
    const meanwhile = (await tavern.messages(page)).at(-1);
    if (meanwhile.includes('tide')) throw new Error(`the reply came at once: ${meanwhile}`);
    await visitor.picture('streaming');
    const saved = visitor.posted('/api/chats/save', body => body.includes(REPLY));
    await fetch(`${backend}/release`, { method: 'POST' });
    await tavern.shows(page, REPLY);
    await saved;
    return meanwhile;
}

async function afterReload(visitor) {
    const { page } = visitor;
    await tavern.reload(visitor);
    await tavern.connected(page);
    await tavern.openCharacter(visitor, CHARACTER);
    await tavern.shows(page, REPLY);
    const texts = await tavern.messages(page);
    const speakers = await page.locator('#chat .mes .name_text').allInnerTexts();
    const expected = [CHARACTER, PERSONA, CHARACTER];
    if (speakers.join() !== expected.join() || texts[1] !== QUESTION) {
        throw new Error(`the chat is not what it was: ${JSON.stringify({ speakers, texts })}`);
    }
    const settings = await tavern.connection(page);
    const wanted = { api: 'openai', source: 'custom', url: `${backend}/v1`, model: 'mock-model' };
    if (JSON.stringify(settings) !== JSON.stringify(wanted)) {
        throw new Error(`the connection is not what it was: ${JSON.stringify(settings)}`);
    }
    return { speakers, texts };
}
