// node media.mjs <server> <backend> <services> <card.png> <diary.txt> <pictures>: the page's extensions at work.

import { launch, Visitor } from './browser.mjs';
import * as tavern from './sillytavern.mjs';

const [server, backend, services, card, diary, out] = process.argv.slice(2);
const CHARACTER = 'Marlow the Keeper';
const QUESTION = 'Where are the spare wicks stored?';

const browser = await launch();
try {
    await evening(await Visitor.arrive(browser, { name: 'media', url: server, out }));
} catch {
    process.exitCode = 1;
} finally {
    await browser.close();
}

async function evening(visitor) {
    const { page } = visitor;
    await visitor.step('a character, and a model', async () => {
        await tavern.introduce(visitor, 'Ada');
        await tavern.importCharacter(visitor, card);
        await tavern.openCharacter(visitor, CHARACTER);
        await tavern.connect(visitor, `${backend}/v1`, 'mock-model');
        await tavern.closeDrawer(page, 'sys-settings-button');
    });
    await visitor.step('a message is translated', () => translate(visitor));
    await visitor.step('a message is read aloud', () => narrate(visitor));
    await visitor.step('a picture is painted', () => paint(visitor));
    await visitor.picture('painted');
    await visitor.step('a file goes into the data bank', () => keep(visitor));
    await visitor.step('and what answers is in the prompt', () => remember(visitor));
    await visitor.step('no complaints', () => visitor.expectNoComplaints());
}

async function translate(visitor) {
    const { page } = visitor;
    await tavern.extension(page, '#translation_provider');
    await page.locator('#translation_provider').selectOption('libre');
    await page.locator('#translation_target_language').selectOption('de');
    await tavern.closeDrawer(page, 'extensions-settings-button');
    const translated = visitor.posted('/api/translate/libre');
    await tavern.act(page, 0, '.mes_translate');
    await translated;
    await page.locator('#chat .mes[mesid="0"] .mes_text', { hasText: 'Die Lampe summt.' }).waitFor();
    await visitor.picture('translated');
    await tavern.act(page, 0, '.mes_translate');
    await page.locator('#chat .mes[mesid="0"] .mes_text', { hasText: 'The lamp hums.' }).waitFor();
}

async function narrate(visitor) {
    const { page } = visitor;
    await tavern.extension(page, '#tts_provider');
    await page.locator('#tts_provider').selectOption('OpenAI Compatible');
    await page.locator('#openai_compatible_tts_endpoint').fill(`${services}/v1/audio/speech`);
    await page.locator('#tts_enabled').check();
    await page.locator('#tts_refresh').click();
    const voice = page.locator('.tts_voicemap_block_char', { hasText: CHARACTER }).locator('select').first();
    await voice.selectOption('alloy');
    await tavern.closeDrawer(page, 'extensions-settings-button');
    const spoken = visitor.posted('/api/openai/custom/generate-voice');
    await tavern.act(page, 0, '.mes_narrate');
    await spoken;
    // What is heard is what the service sent: half a second.
    await page.waitForFunction(() => Math.abs(document.getElementById('tts_audio').duration - 0.5) < 0.01);
}

async function paint(visitor) {
    const { page } = visitor;
    await tavern.extension(page, '#sd_source');
    // A source that is chosen is asked at once for all that it has, at an address whose field is not shown before.
    await page.locator('#sd_auto_url').evaluate((field, url) => {
        field.value = url;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    }, services);
    const offered = offers(visitor, services);
    await page.locator('#sd_source').selectOption('auto');
    await offered;
    const offeredAgain = offers(visitor, services);
    await page.locator('#sd_auto_validate').click();
    await offeredAgain;
    await page.locator('#sd_model option', { hasText: 'lighthouse' }).waitFor({ state: 'attached' });
    await tavern.closeDrawer(page, 'extensions-settings-button');
    const painted = visitor.posted('/api/sd/generate');
    const saved = visitor.posted('/api/chats/save', body => body.includes('a lighthouse at dusk'));
    await tavern.send(page, '/imagine a lighthouse at dusk');
    await painted;
    await saved;
    await page.waitForFunction(() => {
        const picture = document.querySelector('#chat .last_mes .mes_media_container img, #chat .last_mes img.mes_img');
        return picture?.complete && picture.naturalWidth > 0;
    });
}

/** All that the page asks a painter for before it can paint. */
function offers(visitor, services) {
    const asked = ['samplers', 'schedulers', 'vaes', 'get-model', 'models', 'upscalers'];
    return Promise.all(asked.map(what => visitor.posted(`/api/sd/${what}`, body => body.includes(services))));
}

async function keep(visitor) {
    const { page } = visitor;
    await tavern.extension(page, '#vectors_source');
    await page.locator('#vectors_source').selectOption('vllm');
    await page.locator('#vectors_vllm_model').fill('bag-of-words');
    await page.locator('#vector_altEndpointUrl_enabled').check();
    await page.locator('#vector_altEndpoint_address').fill(services);
    await page.locator('#vectors_enabled_files').check();
    for (const [field, value] of [['size_threshold_db', 1], ['chunk_size_db', 120], ['chunk_count_db', 1], ['query', 1]]) {
        await page.locator(`#vectors_${field}`).fill(String(value));
    }
    await tavern.closeDrawer(page, 'extensions-settings-button');
    await page.locator('#extensionsMenuButton').click();
    await page.locator('#manageAttachments').click();
    const dialog = tavern.popup(page, '.globalAttachmentsBlock');
    await dialog.locator('.globalAttachmentsBlock .openActionModalButton').click();
    const asked = page.waitForEvent('filechooser');
    await page.locator('.actionButtonsModal .actionButton:visible', { hasText: /^\s*File\s*$/ }).click();
    const uploaded = visitor.posted('/api/files/upload');
    await (await asked).setFiles(diary);
    await uploaded;
    await dialog.locator('.globalAttachmentsList .attachmentListItemName', { hasText: 'diary.txt' }).waitFor();
    await dialog.locator('.popup-button-ok, .popup-button-close').locator('visible=true').first().click();
    await dialog.waitFor({ state: 'hidden' });
}

async function remember(visitor) {
    const { page } = visitor;
    const inserted = visitor.posted('/api/vector/insert');
    const queried = visitor.posted('/api/vector/query-multi');
    await tavern.send(page, QUESTION);
    await inserted;
    await queried;
    await tavern.shows(page, 'The lamp is lit');
    const saved = visitor.posted('/api/chats/save', body => body.includes('the tide turns'));
    await fetch(`${backend}/release`, { method: 'POST' });
    await saved;
}
