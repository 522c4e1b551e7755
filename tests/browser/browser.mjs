// A browser, and what is looked for on its pages.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { needed } from './program.mjs';

const pictures = needed('PICTURES');
mkdirSync(pictures, { recursive: true });

// Its pages may say nothing on their console, as what the content security policy
// forbids is said there.
export class Browser {
  #complaints = [];
  #browser;

  async start() {
    this.#browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      chromiumSandbox: process.getuid() !== 0,
    });
    return this;
  }

  // Once the page hears from its server, which `#link` says.
  async open(url, options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(error.message));
    await page.goto(url);
    await page.waitForSelector('#link:is([data-state=open], [data-state=live])');
    return page;
  }

  // All pages, and what they have complained of.
  async closePages() {
    for (const context of this.#browser.contexts()) await context.close();
    return this.#complaints.splice(0);
  }

  async stop() {
    await this.#browser?.close();
  }
}

export const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

export const text = (page, selector) => page.textContent(selector);

export const picture = (page, name, options) => page.screenshot({ path: join(pictures, `${name}.png`), ...options });

// From 0, black, to 255.
export const brightness = (page) => page.evaluate(() => {
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
  return (red + green + blue) / 3;
});

// Pixels that are beside the screen.
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
