// node login.mjs <server> <handle> <password> <pictures>: SillyTavern's login page, and the way out again.

import { launch, Visitor } from './browser.mjs';
import * as tavern from './sillytavern.mjs';

const [url, handle, password, out] = process.argv.slice(2);

const browser = await launch();
try {
    const visitor = await Visitor.arrive(browser, { name: 'login', url, out });
    await through(visitor);
} catch {
    process.exitCode = 1;
} finally {
    await browser.close();
}

async function through(visitor) {
    const { page } = visitor;
    await visitor.step('the login page lists the accounts', async () => {
        await page.goto('/');
        await page.waitForURL('**/login');
        await page.locator('.userSelect').nth(1).waitFor();
        return page.locator('.userSelect .userHandle').allInnerTexts();
    });
    await visitor.step('a wrong password is told', async () => {
        await choose(page);
        await page.locator('#userPassword').fill('wrong');
        await page.locator('#loginButton').click();
        await page.locator('#errorMessage', { hasText: 'Incorrect credentials' }).waitFor();
        await visitor.picture('wrong-password');
        // The page's console names the answer.
        visitor.complaints.length = 0;
    });
    await visitor.step('the right one opens the application', async () => {
        await page.locator('#userPassword').fill(password);
        await page.locator('#loginButton').click();
        await page.waitForURL(address => address.pathname === '/');
        await tavern.introduce(visitor, 'Ada');
    });
    await visitor.step('a reload finds the session', () => tavern.reload(visitor));
    await visitor.step('no complaints', () => visitor.expectNoComplaints());
    await visitor.step('logging out leads back', async () => {
        await tavern.drawer(page, 'user-settings-button');
        await page.locator('#logout_button').click();
        await page.waitForURL(address => address.pathname === '/login');
        await page.locator('.userSelect').nth(1).waitFor();
    });
}

function choose(page) {
    return page.locator('.userSelect', { has: page.getByText(handle, { exact: true }) }).click();
}
