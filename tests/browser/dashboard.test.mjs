// What somebody sees who opens the dashboard, of the example that has one and of
// the studio.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { Browser, brightness, overflow, phone, picture, text } from './browser.mjs';
import { Program, eventually, needed } from './program.mjs';

const browser = new Browser();
let program;
// What pages may say on their console.
let expected;

before(() => browser.start());
after(() => browser.stop());

beforeEach(async () => {
  expected = /^$/;
  program = await new Program().start(needed('DASHBOARD'), [], /^the page is at (http:\S+),/, { FLAME_BACKEND: 'process' });
});

afterEach(async () => {
  try {
    assert.match((await browser.closePages()).join('\n'), expected);
  } finally {
    await program.stop((it) => it.stdin.end('\n'));
  }
});

const state = async () => (await fetch(`${program.url}state.json`)).json();

const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 30000 });

test('runners, calls and plots are seen while they come', async () => {
  const page = await browser.open(program.url);
  await page.waitForSelector('.runner[data-state=busy]');
  await page.waitForSelector('.failures li');
  assert.deepEqual(await page.locator('.pool h2').allTextContents(), (await state()).pools.map(({ name }) => name));
  assert.equal(await text(page, '.failures code'), 'remote_exception');
  assert.match(await text(page, '#about'), new RegExp(`^pid ${(await state()).node.pid} `));
  // What is shown is what is so: the page cannot have a number that was never there.
  const before = (await state()).pools[1].calls.succeeded;
  await until(page, (least) => {
    const [calls] = document.querySelectorAll('.pool:nth-child(2) .numbers dd');
    return Number(calls.textContent.replace(/\D/g, '')) > least;
  }, before);
  // Every plot has something on it, and no text where there is nothing to be drawn.
  await until(page, () => [...document.querySelectorAll('.pool:nth-child(2) svg.plot')].every((plot) => !plot.querySelector('.nothing')));
  assert.equal(await page.locator('.pool:nth-child(2) svg.plot').count(), 5);
  const drawn = await page.$eval('.pool:nth-child(2) svg.plot path', (path) => path.getBBox().width);
  await until(page, (least) => document.querySelector('.pool:nth-child(2) svg.plot path').getBBox().width > least, drawn);
});

const active = (page) => page.evaluate(() => {
  const it = document.activeElement;
  return it.matches('.entry') ? it.querySelector('.name').textContent : it.tagName;
});

const rows = (page) => page.locator('.entry .name').allTextContents();

test('the tree is walked and folded with the keyboard, and stays so', async () => {
  const page = await browser.open(program.url);
  // Actors that come and go would move what is walked on.
  await until(page, () => [...document.querySelectorAll('.entry .name')].some((it) => it.textContent === 'stone'));
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'theme');
  await page.keyboard.press('Tab');
  const top = await active(page);
  assert.equal(top, (await rows(page))[0]);
  await page.keyboard.press('End');
  assert.equal(await active(page), (await rows(page)).at(-1));
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  assert.equal(await active(page), (await rows(page))[1]);
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  await until(page, () => document.querySelectorAll('.entry').length === 1);
  assert.equal(await page.getAttribute('.entry', 'aria-expanded'), 'false');
  assert.match(await text(page, '.entry .facts'), /folded/);
  // It was told of twice since.
  const { look } = await state();
  await eventually(async () => (await state()).look > look + 2, 'the node is looked at again');
  assert.deepEqual(await rows(page), [top]);
  assert.equal(await active(page), top);
  await page.keyboard.press('ArrowRight');
  await until(page, () => document.querySelectorAll('.entry').length > 3);
  assert.equal(await active(page), top);
});

test('a runner that is killed is seen, and whoever stands on it in the tree stays there', async () => {
  const page = await browser.open(program.url);
  const name = 'post-1';
  const row = page.locator('.entry[data-kind=runner]', { hasText: name });
  await row.waitFor();
  await row.focus();
  const { pid } = (await state()).pools[0].runners.find((runner) => runner.name === name);
  process.kill(pid, 'SIGKILL');
  await row.waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.matches('.entry')), true);
  await until(page, () => document.getElementById('tile-lost').textContent === '1');
  assert.ok(await page.$eval('#tile-lost', (it) => it.matches('.bad')));
  // Its actor has a place again.
  await until(page, () => [...document.querySelectorAll('.entry')].some((it) => it.textContent.includes('stone') && it.textContent.includes('1 restart')));
});

test('it fits a phone, and there is a dark mode, of the system or of one\'s own', async () => {
  const desk = await browser.open(program.url, { colorScheme: 'light', viewport: { width: 1280, height: 1000 } });
  const dark = await browser.open(program.url, { colorScheme: 'dark' });
  const hand = await browser.open(program.url, { ...phone, colorScheme: 'light' });
  assert.ok(await brightness(desk) > 200);
  assert.ok(await brightness(dark) < 60);
  await until(desk, () => document.querySelectorAll('.failures li').length > 0 && document.querySelectorAll('.runner[data-state=busy]').length >= 3);
  // Something to be seen in plots.
  await until(desk, () => document.querySelector('.pool svg.plot path').getBBox().width > 60);
  for (const page of [desk, dark, hand]) assert.equal(await overflow(page), 0);
  await picture(desk, 'dashboard-desk');
  await picture(desk, 'dashboard-whole', { fullPage: true });
  await picture(dark, 'dashboard-dark');
  await picture(hand, 'dashboard-phone', { fullPage: true });
  await dark.click('#theme');
  assert.equal(await text(dark, '#theme'), 'theme: light');
  assert.ok(await brightness(dark) > 200);
  await dark.reload();
  assert.ok(await brightness(dark) > 200);
});

test('a page whose server goes says so, and finds it again', async () => {
  expected = /^(Failed to load resource: net::ERR_\w+\n?)*$/;
  const studio = (listen) => new Program().start(needed('STUDIO'), ['--port', '0', '--config', needed('STUDIO_CONFIG'), '--dashboard', listen], /^dashboard: (http:\S+)/);
  const first = await studio('127.0.0.1:0');
  const page = await browser.open(first.url);
  const width = () => page.$eval('.pool svg.plot path', (path) => path.getBBox().width);
  await until(page, () => document.querySelector('.pool svg.plot path')?.getBBox().width > 20);
  const drawn = await width();
  await first.stop();
  await page.waitForSelector('#link[data-state=lost]');
  assert.equal(await text(page, '#link'), 'connecting again');
  const before = await text(page, '#about');
  const second = await studio(new URL(first.url).host);
  try {
    await page.waitForSelector('#link[data-state=live]');
    assert.notEqual(await text(page, '#about'), before);
    assert.ok(await width() < drawn, 'plots begin anew with another program');
  } finally {
    await second.stop();
  }
});
