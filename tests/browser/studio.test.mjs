// What somebody sees who uses the studio with a browser.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { Browser, brightness, overflow, phone, picture, text } from './browser.mjs';
import { eventually, needed } from './program.mjs';
import { Studio, video } from './studio.mjs';

const browser = new Browser();
let studio;
// What the studio says on standard error, and pages on their console.
let expected;
let expectedComplaints;

before(() => browser.start());
after(() => browser.stop());

beforeEach(async () => {
  expected = /^$/;
  expectedComplaints = /^$/;
  studio = await new Studio().start();
});

afterEach(async () => {
  let errors;
  let complaints;
  try {
    complaints = await browser.closePages();
  } finally {
    errors = await studio.stop();
  }
  assert.match(errors, expected);
  assert.match(complaints.join('\n'), expectedComplaints);
});

const card = (page, state) => page.waitForSelector(`.card[data-state=${state}]`, { timeout: 60000 });
const drop = (page, files) => page.setInputFiles('#file', files);
const thumbnails = (page) => page.locator('.card .frame').count();

test('thumbnails appear while the video is still on its way, and it is finished', async () => {
  const page = await browser.open(studio.url);
  await drop(page, video(20));
  const sent = await page.waitForFunction(() => {
    const frame = document.querySelector('.card .frame img');
    const progress = document.querySelector('.card-progress');
    return frame?.naturalWidth > 0 && { value: progress.value, hidden: progress.hidden };
  }, null, { timeout: 60000, polling: 'raf' });
  const { value, hidden } = await sent.jsonValue();
  assert.ok(!hidden && value < 0.9, `the first thumbnail came when ${value} had been sent`);
  await picture(page, 'studio-uploading');
  await card(page, 'done');
  assert.equal(await thumbnails(page), 20);
  assert.match(await text(page, '.card-facts'), /640\s×\s360\s.*\s0:20\s.*\s20\sthumbnails/);
});

test('the pool is seen to boot a runner, to use it, and to let it go', async () => {
  await studio.stop();
  // Else it boots faster than anybody sees.
  studio = await new Studio().start([], { LD_PRELOAD: needed('SLOW_START') });
  const page = await browser.open(studio.url);
  assert.equal(await page.locator('.runner').count(), 0);
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => {
      for (const one of document.querySelectorAll('.runner'))
        if (window.seen.at(-1) !== one.dataset.state) window.seen.push(one.dataset.state);
    }).observe(document.getElementById('runners'), { subtree: true, attributes: true, childList: true });
  });
  await drop(page, video(3));
  await card(page, 'done');
  await page.waitForFunction(() => document.getElementById('figure-retired').textContent === '1', null, { timeout: 30000 });
  const seen = await page.evaluate(() => window.seen.join());
  assert.match(seen, /^booting,(idle,)?busy,idle(,going)?,gone$/);
  assert.equal(await text(page, '#figure-boots'), '1');
});

test('a video that waits for a slot is seen to wait', async () => {
  await studio.stop();
  studio = await new Studio().start(['--pools.ffmpeg.max=1']);
  const page = await browser.open(studio.url);
  await drop(page, [video(60), video(3)]);
  await page.waitForFunction(() => document.getElementById('figure-queue').textContent === '1'
    && document.getElementById('figure-slots').textContent === '1 of 1');
  await page.waitForSelector('.card[data-state=working]');
  assert.equal(await page.locator('.card[data-state=queued]').count(), 1);
  // Whichever has the slot.
  await page.click('.card[data-state=working] .card-stop');
  await page.waitForFunction(() => document.getElementById('figure-queue').textContent === '0');
  await page.waitForSelector('.card:is([data-state=working], [data-state=done])');
});

test('a tab sees what another one uploads, and that it has left', async () => {
  const mine = await browser.open(studio.url);
  const other = await browser.open(studio.url);
  await drop(mine, video(60));
  await other.waitForSelector('.card .frame img');
  assert.equal(await text(other, '.card-name'), 'noise-60.ts');
  assert.ok(await other.locator('.card-stop').isHidden(), 'only its own tab stops an upload');
  assert.equal(studio.descendants('ffmpeg').length, 1);
  await mine.close();
  await card(other, 'cancelled');
  await eventually(() => studio.descendants('ffmpeg').length === 0, 'ffmpeg ends with its tab', 5);
});

test('the button ends an upload, and its ffmpeg', async () => {
  const page = await browser.open(studio.url);
  await drop(page, video(60));
  await page.waitForSelector('.card .frame');
  await page.click('.card-stop');
  await card(page, 'cancelled');
  await eventually(() => studio.descendants('ffmpeg').length === 0, 'ffmpeg ends with its upload', 5);
});

test('a runner is killed, and the video is made again on another one', async () => {
  const page = await browser.open(studio.url);
  await drop(page, video(20));
  await page.waitForSelector('.card .frame');
  const pid = Number((await page.getAttribute('.runner[data-state=busy]', 'title')).replace('process ', ''));
  expected = /^.* error studio runner was lost .* killed by signal 9 .*\n$/;
  process.kill(pid, 'SIGKILL');
  await page.waitForFunction(() => document.getElementById('figure-lost').textContent === '1');
  await picture(page, 'studio-runner-killed');
  await card(page, 'done');
  assert.equal(await thumbnails(page), 20);
  assert.equal(await text(page, '#figure-boots'), '2');
});

test('three videos at once, from two tabs', async () => {
  const mine = await browser.open(studio.url);
  const other = await browser.open(studio.url);
  await drop(mine, [video(3), video(4)]);
  await drop(other, video(5));
  for (const page of [mine, other])
    await page.waitForFunction(() => document.querySelectorAll('.card[data-state=done]').length === 3, null, { timeout: 60000 });
});

test('a page that is loaded later shows what is under way, and its thumbnails so far', async () => {
  const mine = await browser.open(studio.url);
  await drop(mine, video(60));
  await mine.waitForFunction(() => document.querySelectorAll('.card .frame').length >= 5);
  const late = await browser.open(studio.url);
  await late.waitForFunction(() => document.querySelectorAll('.card .frame').length >= 5);
  assert.equal(await text(late, '.card-name'), 'noise-60.ts');
  assert.equal(await text(late, '.frame .stamp'), '0:00');
});

test('a page that is loaded again shows what is finished', async () => {
  const page = await browser.open(studio.url);
  await drop(page, video(4));
  await card(page, 'done');
  const facts = await text(page, '.card-facts');
  await page.reload();
  await card(page, 'done');
  assert.equal(await text(page, '.card-name'), 'noise-4.ts');
  assert.equal(await text(page, '.card-facts'), facts);
  await page.waitForFunction(() => [...document.querySelectorAll('.card .frame img')].filter((one) => one.naturalWidth > 0).length === 4);
});

test('a page whose studio has ended says so, and shows no upload that the next one does not know', async () => {
  expectedComplaints = /^(WebSocket connection to .* failed: .*\n?)*$/;
  const mine = await browser.open(studio.url);
  const other = await browser.open(studio.url);
  await drop(mine, video(60));
  await other.waitForSelector('.card .frame');
  await studio.stop();
  await card(mine, 'failed');
  assert.equal(await text(mine, '.card-note'), 'The connection to the studio was lost.');
  await other.waitForSelector('#link[data-state=lost]');
  studio = await new Studio().start([], {}, new URL(studio.url).port);
  await other.waitForSelector('#link[data-state=open]');
  await other.waitForSelector('.card', { state: 'detached' });
  assert.ok(await other.isVisible('#empty'));
  // What was said to whoever uploads it stays.
  await mine.waitForSelector('#link[data-state=open]');
  assert.equal(await mine.locator('.card[data-state=failed]').count(), 1);
});

test('what the studio cannot do now is said where it can be seen', async () => {
  expectedComplaints = /^(Failed to load resource: .* 503 .*\n?)*$/;
  const page = await browser.open(studio.url);
  const refuse = (what) => page.route(what, (route) => route.fulfill({ status: 503, body: 'Try again later.' }));
  await refuse('**/samples/*');
  await page.click('[data-sample="clock.ts"]');
  await page.waitForSelector('#sample-problem', { state: 'visible' });
  assert.equal(await text(page, '#sample-problem'), 'There is no sample video. Try again later.');
  await page.unroute('**/samples/*');
  await page.click('[data-sample="clock.ts"]');
  await card(page, 'done');
  assert.ok(await page.isHidden('#sample-problem'));
  await refuse('**/api/videos');
  await page.reload();
  await page.waitForSelector('#videos-problem', { state: 'visible' });
  await picture(page, 'studio-problem');
});

test('what is no video is refused in words, and its name is no script', async () => {
  const page = await browser.open(studio.url);
  await drop(page, { name: '<img src=x onerror=alert(1)>.txt', mimeType: 'text/plain', buffer: Buffer.from('hello '.repeat(1000)) });
  await card(page, 'failed');
  assert.equal(await text(page, '.card-name'), '<img src=x onerror=alert(1)>.txt');
  assert.match(await text(page, '.card-note'), /video/i);
  assert.equal(await page.locator('.card-name img').count(), 0);
});

test('a file that is too large is refused before it is sent', async () => {
  await studio.stop();
  studio = await new Studio().start(['--max-upload', '1MiB']);
  const page = await browser.open(studio.url);
  await drop(page, video(20));
  await card(page, 'failed');
  assert.match(await text(page, '.card-note'), /1 MiB|larger|too large/i);
});

test('all can be done with the keyboard', async () => {
  const page = await browser.open(studio.url);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  for (let i = 0; i < 10; i += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.dataset.sample === 'clock.ts')) break;
  }
  await page.keyboard.press('Enter');
  await card(page, 'done');
  await page.focus('.frame');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#viewer[open]');
  const first = await text(page, '#viewer-text');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction((before) => document.getElementById('viewer-text').textContent !== before, first);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#viewer', { state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.className), 'frame');
});

test('it fits a phone, and there is a dark mode', async () => {
  const desk = await browser.open(studio.url, { colorScheme: 'light' });
  const dark = await browser.open(studio.url, { colorScheme: 'dark' });
  const hand = await browser.open(studio.url, { ...phone, colorScheme: 'light' });
  assert.ok(await brightness(desk) > 200);
  assert.ok(await brightness(dark) < 60);
  await desk.click('[data-sample="zoom.mp4"]');
  await card(desk, 'done');
  await desk.click('[data-sample="clock.ts"]');
  await desk.waitForSelector('.card[data-state=working] .frame');
  await picture(dark, 'studio-dark');
  for (const page of [desk, dark, hand]) {
    await page.waitForFunction(() => document.querySelectorAll('.card[data-state=done]').length === 2, null, { timeout: 60000 });
    assert.equal(await overflow(page), 0);
  }
  await picture(desk, 'studio-desk');
  await picture(hand, 'studio-phone', { fullPage: true });
  await desk.click('.frame >> nth=3');
  await desk.waitForSelector('#viewer[open]');
  await picture(desk, 'studio-viewer');
});
