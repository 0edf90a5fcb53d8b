// node two_frontends.mjs <server> <server of the copy> <backend> <card.png> <pictures>: two windows at once, one library.

import { launch, Visitor } from './browser.mjs';
import * as tavern from './sillytavern.mjs';

const [installed, copied, backend, card, out] = process.argv.slice(2);
const BEGINNING = 'The lamp is lit';
const REPLY = 'The lamp is lit and the tide turns.';
const MARLOW = 'Marlow the Keeper';
const SERAPHINA = 'Seraphina';

const browser = await launch();
try {
    const first = await Visitor.arrive(browser, { name: 'installed', url: installed, out });
    const second = await Visitor.arrive(browser, { name: 'copied', url: copied, out });
    await together(first, second);
} catch {
    process.exitCode = 1;
} finally {
    await browser.close();
}

async function together(first, second) {
    await first.step('first visit', () => tavern.introduce(first, 'Ada'));
    await first.step('connect', () => tavern.connect(first, `${backend}/v1`, 'mock-model'));
    await first.step('import', () => tavern.importCharacter(first, card));
    await second.step('the copy boots, connected by what the other saved', async () => {
        await tavern.open(second);
        await tavern.connected(second.page);
        return second.page.title();
    });
    await second.step('it is the copy', () => titled(second, 'Copied install'));
    await first.step('and the other is not', () => titled(first, 'SillyTavern'));
    await both(first, second, 'open a character', visitor => tavern.openCharacter(visitor, mine(visitor)));
    await both(first, second, 'two replies at once', begin);
    await second.step('release', async () => {
        await fetch(`${backend}/release`, { method: 'POST' });
    });
    await both(first, second, 'both end', end);
    await both(first, second, 'each sees what the other did', async visitor => {
        await tavern.reload(visitor);
        await tavern.openCharacter(visitor, mine(visitor) === MARLOW ? SERAPHINA : MARLOW);
        await tavern.shows(visitor.page, REPLY);
        await visitor.picture('the-others-chat');
    });
    await both(first, second, 'no complaints', visitor => visitor.expectNoComplaints());

    /** Each writes to a character of its own: SillyTavern asks before it overwrites a chat that another window changed. */
    function mine(visitor) {
        return visitor === first ? MARLOW : SERAPHINA;
    }
}

/** The same in both windows at the same time. */
function both(first, second, name, action) {
    return Promise.all([first, second].map(visitor => visitor.step(name, () => action(visitor))));
}

async function titled(visitor, title) {
    const actual = await visitor.page.title();
    if (actual !== title) throw new Error(`the page is titled ${actual}`);
}

async function begin(visitor) {
    await tavern.send(visitor.page, 'Is the lamp lit tonight?');
    await tavern.shows(visitor.page, BEGINNING);
    visitor.saved = visitor.posted('/api/chats/save', body => body.includes(REPLY));
}

async function end(visitor) {
    await tavern.shows(visitor.page, REPLY);
    await visitor.saved;
}
