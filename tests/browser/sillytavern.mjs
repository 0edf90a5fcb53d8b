// What a person does in SillyTavern 1.19.0, in the terms of its page. Every function waits for what it causes.

/** Opens the page and waits until it is ready for use. */
export async function open(visitor) {
    await visitor.page.goto('/');
    await ready(visitor.page);
}

/** Reloads the page, losing whatever only the page knew. */
export async function reload(visitor) {
    await visitor.page.reload();
    await ready(visitor.page);
}

async function ready(page) {
    // Not when the loader goes: on a first visit it makes room for a question long before everything is set up. Nor by a
    // listener: one that comes while the others are called is forgotten.
    await page.waitForFunction(() => {
        const { eventSource, eventTypes } = globalThis.SillyTavern?.getContext?.() ?? {};
        return eventSource?.autoFireLastArgs.has(eventTypes.APP_READY) && !document.getElementById('preloader');
    });
    await page.locator('#loader').waitFor({ state: 'detached' });
}

/** The popup with this in it, once it has come to rest: a click on one that grows may meet something else. */
export function popup(page, content) {
    return page.locator('dialog.popup[open]:not([opening])', { has: page.locator(content) });
}

/** Answers the first visit's question for a persona name. */
export async function introduce(visitor, name) {
    const { page } = visitor;
    await page.goto('/');
    const dialog = popup(page, '.onboarding');
    await dialog.waitFor();
    await dialog.locator('.popup-input').fill(name);
    const saved = visitor.posted('/api/settings/save', body => body.includes(JSON.stringify(name)));
    await dialog.locator('.popup-button-ok').click();
    await dialog.waitFor({ state: 'hidden' });
    await saved;
    await ready(page);
}

/** Opens the drawer with this id and gives its content. */
export async function drawer(page, id) {
    const content = page.locator(`#${id} > .drawer-content`);
    const isOpen = await content.evaluate(node => node.classList.contains('openDrawer'));
    if (!isOpen) await page.locator(`#${id} .drawer-icon`).first().click();
    await page.locator(`#${id} > .drawer-content.openDrawer:not(.resizing)`).waitFor();
    return content;
}

/** Imports a card through the button and the browser's own file chooser. */
export async function importCharacter(visitor, file) {
    const { page } = visitor;
    await drawer(page, 'rightNavHolder');
    const asked = page.waitForEvent('filechooser');
    await page.locator('#character_import_button').click();
    const imported = visitor.posted('/api/characters/import');
    await (await asked).setFiles(file);
    const { file_name: name } = await (await imported).json();
    await page.locator(`#rm_print_characters_block .character_select[data-avatar="${name}.png"], `
        + `#rm_print_characters_block .character_select:has([title*="${name}.png"])`).first().waitFor();
    return name;
}

/** Opens a character of this name and its newest chat. */
export async function openCharacter(visitor, name) {
    const { page } = visitor;
    await drawer(page, 'rightNavHolder');
    const back = page.locator('#rm_button_characters');
    if (!await page.locator('#rm_characters_block').isVisible()) await back.click();
    const loaded = visitor.posted('/api/chats/get');
    await page.locator('#rm_print_characters_block .character_select', { has: page.getByText(name, { exact: true }) }).click();
    await loaded;
    await page.locator('#chat .mes[mesid="0"]', { hasText: name }).waitFor();
}

/** Chooses Chat Completion, source Custom, this address, and connects, now and at each start. */
export async function connect(visitor, url, model) {
    const { page } = visitor;
    await drawer(page, 'sys-settings-button');
    await page.locator('#main_api').selectOption('openai');
    await page.locator('#chat_completion_source').selectOption('custom');
    await page.locator('#custom_api_url_text').fill(url);
    const checked = visitor.posted('/api/backends/chat-completions/status', body => body.includes(url));
    await page.locator('#api_button_openai').click();
    await checked;
    await page.locator('#model_custom_select option', { hasText: model }).waitFor({ state: 'attached' });
    const saved = visitor.posted('/api/settings/save', body => {
        return body.includes(url) && body.includes(`"custom_model":"${model}"`) && body.includes('"auto_connect":true');
    });
    await page.locator('#model_custom_select').selectOption(model);
    await page.locator('#auto-connect-checkbox').check();
    await connected(page);
    await saved;
}

/** Waits until the page says that the backend answers. */
export async function connected(page) {
    const status = page.locator('#rm_api_block .online_status_text', { hasText: 'Valid' });
    await status.first().waitFor({ state: 'attached' });
    await page.getByPlaceholder('Type a message, or /? for help').waitFor();
}

/** Types a message and sends it, with the mouse. */
export async function send(page, text) {
    await page.locator('#send_textarea').fill(text);
    await page.locator('#send_but').click();
}

/** The texts of the chat, oldest first, as shown. */
export function messages(page) {
    return page.locator('#chat .mes .mes_text').allInnerTexts();
}

/** Waits until the newest message shows this text. */
export async function shows(page, text) {
    await page.locator('#chat .last_mes .mes_text', { hasText: text }).waitFor();
}

/** What the API panel holds. */
export async function connection(page) {
    return {
        api: await page.locator('#main_api').inputValue(),
        source: await page.locator('#chat_completion_source').inputValue(),
        url: await page.locator('#custom_api_url_text').inputValue(),
        model: await page.locator('#custom_model_id').inputValue(),
    };
}

/** Rewrites the open character's description. */
export async function describe(visitor, text) {
    const { page } = visitor;
    await drawer(page, 'rightNavHolder');
    await page.locator('#rm_button_selected_ch').click();
    const saved = visitor.posted('/api/characters/edit', body => body.includes(text));
    await page.locator('#description_textarea').fill(text);
    await saved;
}

/** Adds a background through its file chooser. */
export async function addBackground(visitor, file) {
    const { page } = visitor;
    await drawer(page, 'backgrounds-button');
    const asked = page.waitForEvent('filechooser');
    await page.locator('#add_background_button_top').click();
    const uploaded = visitor.posted('/api/backgrounds/upload');
    await (await asked).setFiles(file);
    const name = await (await uploaded).text();
    await page.locator(`.bg_example[bgfile="${name}"]`).waitFor();
    return name;
}

/** Makes a group of these characters and opens it. */
export async function createGroup(visitor, names) {
    const { page } = visitor;
    await drawer(page, 'rightNavHolder');
    await page.locator('#rm_button_characters').click();
    await page.locator('#rm_button_group_chats').click();
    for (const name of names) {
        const candidate = page.locator('#rm_group_add_members .group_member', { hasText: name });
        await candidate.locator('[data-action="add"]').click();
        await page.locator('#rm_group_members .group_member', { hasText: name }).waitFor();
    }
    const created = visitor.posted('/api/groups/create');
    await page.locator('#rm_group_submit').click();
    const { id } = await (await created).json();
    const saved = visitor.posted('/api/chats/group/save');
    await page.locator(`#rm_print_characters_block .group_select[data-grid="${id}"]`).click();
    await saved;
    for (const name of names) await page.locator('#chat .mes .name_text', { hasText: name }).waitFor();
    return id;
}

/** Closes the drawer with this id. */
export async function closeDrawer(page, id) {
    const content = page.locator(`#${id} > .drawer-content`);
    const isOpen = await content.evaluate(node => node.classList.contains('openDrawer'));
    if (isOpen) await page.locator(`#${id} .drawer-icon`).first().click();
    await page.locator(`#${id} > .drawer-content.closedDrawer:not(.resizing)`).waitFor({ state: 'attached' });
}

/** Opens the settings of the extension that this control belongs to. */
export async function extension(page, control) {
    await drawer(page, 'extensions-settings-button');
    const found = page.locator(control);
    await found.waitFor({ state: 'attached' });
    const toggle = page.locator('.inline-drawer', { has: found }).last().locator('.inline-drawer-toggle').first();
    // A click gets lost while the drawer is still on its way.
    for (let clicks = 0; clicks < 5 && !await found.isVisible(); clicks++) {
        await toggle.click();
        await found.waitFor({ timeout: 5000 }).catch(() => {});
    }
    await found.waitFor();
}

/** Clicks one of the buttons that a message hides behind its dots. */
export async function act(page, message, button) {
    const shown = page.locator(`#chat .mes[mesid="${message}"]`);
    const wanted = shown.locator(button);
    if (!await wanted.isVisible()) await shown.locator('.extraMesButtonsHint').click();
    await wanted.click();
}
