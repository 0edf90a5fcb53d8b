// node oidc.mjs <server> <pictures>: the login page's way to a provider and back.

import { launch, Visitor } from './browser.mjs';
import * as tavern from './sillytavern.mjs';

const [url, out] = process.argv.slice(2);

const browser = await launch();
try {
    const visitor = await Visitor.arrive(browser, { name: 'oidc', url, out });
    await through(visitor);
} catch {
    process.exitCode = 1;
} finally {
    await browser.close();
}

async function through(visitor) {
    const { page } = visitor;
    await visitor.step('the login page has a button', async () => {
        await page.goto('/');
        await page.waitForURL('**/login');
        await page.locator('#oidcLogin', { hasText: 'Company login' }).waitFor();
        await visitor.picture('button');
        // The page shows everybody a picture that only users may have.
        visitor.complaints.length = 0;
    });
    await visitor.step('it leads to the provider, and back into the application', async () => {
        await page.locator('#oidcLogin').click();
        await page.waitForURL(address => address.pathname === '/');
        await tavern.introduce(visitor, 'Anna');
    });
    await visitor.step('a reload finds the session', () => tavern.reload(visitor));
    await visitor.step('no complaints', () => visitor.expectNoComplaints());
}
