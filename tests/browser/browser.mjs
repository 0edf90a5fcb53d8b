// A headless Chromium whose every complaint counts: steps are printed as JSON lines, the first that fails ends the run.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

/** Longest wait for any one condition, in milliseconds. A bound for broken runs, not a delay. */
const PATIENCE = 120_000;

/** What the page is expected to say. */
const KNOWN = [
    // The data bank asks whether a server plugin is there, which nobody has to have.
    /^404 POST \/api\/plugins\/fandom\/probe/,
    // Faults of SillyTavern 1.19.0's own page, whatever the server.
    // After making a group it scrolls to [grid], an attribute that its list calls data-grid.
    /^uncaught: Error: Timed out waiting for condition to be true/,
];

const FLAGS = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
];

// What a step waits for beside its own doing is nobody's any more when that failed first, which is what gets reported.
process.on('unhandledRejection', () => {});

/** Starts the browser: `CHROMIUM`, else Debian's. The profile is new and goes with the browser. */
export function launch() {
    return chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS });
}

/** One person at one server: a page with cookies of its own, its complaints, its pictures. */
export class Visitor {
    /**
     * @param {import('playwright-core').Browser} browser
     * @param {{name: string, url: string, out: string}} who `out` is the folder of the pictures
     */
    static async arrive(browser, { name, url, out }) {
        await mkdir(out, { recursive: true });
        const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, baseURL: url });
        // A new user's API is the AI Horde, a public service that a test must not ask.
        await context.route('**/api/horde/**', route => route.fulfill({ json: [] }));
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE);
        return new Visitor(name, url, out, page);
    }

    constructor(name, url, out, page) {
        Object.assign(this, { name, url, out, page });
        /** What went wrong in the page: uncaught errors, answers of 400 and above, requests that broke off. */
        this.complaints = [];
        page.on('pageerror', error => this.#complain(`uncaught: ${error.stack ?? error}`));
        page.on('console', message => this.#heard(message));
        page.on('response', response => this.#answered(response));
        page.on('requestfailed', request => this.#broke(request));
    }

    #complain(text) {
        if (!KNOWN.some(known => known.test(text))) this.complaints.push(text);
    }

    #heard(message) {
        const text = message.text();
        if (message.type() !== 'error' || text.startsWith('Failed to load resource')) return;
        this.#complain(`console: ${text} (${message.location().url})`);
    }

    #answered(response) {
        if (response.status() < 400) return;
        const { pathname } = new URL(response.url());
        this.#complain(`${response.status()} ${response.request().method()} ${pathname}`);
    }

    #broke(request) {
        const reason = request.failure()?.errorText ?? '';
        // A page that is left takes its open requests along.
        if (reason === 'net::ERR_ABORTED') return;
        this.complaints.push(`${reason} ${request.method()} ${request.url()}`);
    }

    /** Does one thing and reports it; a failure is shown in a picture. */
    async step(name, action) {
        try {
            const seen = await action(this.page);
            report({ who: this.name, step: name, ok: true, ...(seen === undefined ? {} : { seen }) });
        } catch (error) {
            report({ who: this.name, step: name, ok: false, error: String(error?.stack ?? error), complaints: this.complaints });
            await this.picture(`failed-${name.replaceAll(/\W+/g, '-')}`).catch(() => {});
            throw error;
        }
    }

    /** Writes `<out>/<visitor>-<name>.png`. */
    picture(name) {
        return this.page.screenshot({ path: path.join(this.out, `${this.name}-${name}.png`) });
    }

    /** Resolves with the answer to the next `POST route` whose body `wanted` accepts; fails unless that is a 200. */
    async posted(route, wanted = () => true) {
        const matches = response => new URL(response.url()).pathname === route
            && response.request().method() === 'POST' && wanted(response.request().postData() ?? '');
        const response = await this.page.waitForResponse(matches);
        if (!response.ok()) throw new Error(`POST ${route} answered ${response.status()}`);
        return response;
    }

    /** Fails when the page complained. */
    expectNoComplaints() {
        if (this.complaints.length > 0) throw new Error(`the page complained:\n${this.complaints.join('\n')}`);
    }
}

function report(line) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
}
