// The videos, as cards.

import * as format from './format.js';

const states = {
  queued: 'waiting for a runner', working: 'working', waiting: 'uploading',
  retrying: 'again', done: 'done', failed: 'failed', cancelled: 'cancelled',
};

const isOver = (state) => state === 'done' || state === 'failed' || state === 'cancelled';

class Card {
  constructor(template, key) {
    this.key = key;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.strip = this.#part('.strip');
    this.frames = new Map();
    this.view = { state: 'queued', received: 0, size: 0, thumbnails: 0 };
    this.stop = null;
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  name(text) {
    this.#part('.card-name').textContent = text;
    this.strip.setAttribute('aria-label', `Thumbnails of ${text}`);
  }

  show(view) {
    this.view = view;
    this.element.dataset.upload = view.id ?? '';
    this.element.dataset.state = view.state;
    this.name(view.name);
    this.#part('.pill').textContent = this.#pill(view);
    this.#part('.card-facts').textContent = this.#facts(view);
    const progress = this.#part('.card-progress');
    progress.hidden = isOver(view.state);
    progress.value = view.size > 0 ? view.received / view.size : 0;
    progress.setAttribute('aria-label', `Upload of ${view.name}`);
    const stop = this.#part('.card-stop');
    stop.hidden = !this.stop || isOver(view.state);
    stop.setAttribute('aria-label', `Stop the upload of ${view.name}`);
    const note = this.#part('.card-note');
    note.hidden = !view.note;
    note.textContent = view.note ?? '';
  }

  #pill(view) {
    const percent = view.size > 0 ? Math.floor((100 * view.received) / view.size) : 0;
    if (view.state === 'working') {
      const where = view.runner ? `on ${view.runner}` : 'working';
      return view.received < view.size ? `${percent} % · ${where}` : where;
    }
    if (view.state === 'retrying') return `attempt ${view.attempt}`;
    if (view.state === 'waiting') return view.received < view.size ? `${percent} %, then it begins` : 'reading';
    return states[view.state] ?? view.state;
  }

  #facts(view) {
    const facts = [];
    if (view.size > 0) facts.push(format.size(view.size));
    if (view.width > 0) facts.push(`${view.width} × ${view.height}`);
    if (view.codec) facts.push(format.codec(view.codec));
    if (view.duration > 0) facts.push(format.time(view.duration));
    if (view.thumbnails > 0) facts.push(format.count(view.thumbnails, 'thumbnail'));
    return facts.join('  ·  ');
  }

  frame(index, time, url, isNew) {
    let item = this.frames.get(index);
    if (!item) {
      item = this.#newFrame(index, time);
      if (isNew) item.classList.add('fresh');
    }
    const image = item.querySelector('img');
    // There may be thousands of those that are kept.
    if (!isNew) image.loading = 'lazy';
    image.src = url;
    return item;
  }

  // The thumbnails that the studio has kept, by their times in ms.
  keptFrames(id, times) {
    times.forEach((time, index) => {
      if (!this.frames.has(index)) this.frame(index, time, `/thumbnails/${id}/${index}.jpg`, false);
    });
  }

  #newFrame(index, time) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'frame';
    const image = document.createElement('img');
    image.alt = '';
    image.decoding = 'async';
    const stamp = document.createElement('span');
    stamp.className = 'stamp';
    stamp.textContent = format.time(time);
    button.append(image, stamp);
    button.setAttribute('aria-label', `Thumbnail at ${format.time(time)}`);
    item.append(button);
    item.dataset.index = index;
    // They come in order, but for those that were there before the page.
    const after = [...this.strip.children].find((other) => Number(other.dataset.index) > index);
    this.strip.insertBefore(item, after ?? null);
    this.frames.set(index, item);
    return item;
  }
}

export class Cards {
  #list = document.getElementById('cards');
  #empty = document.getElementById('empty');
  #template = document.getElementById('card-template');
  #cards = new Map();
  // Those that the studio may not know any more, as the page was not connected.
  #doubtful = new Set();
  #onOpen;
  #announce;

  constructor({ announce, onOpen }) {
    this.#announce = announce;
    this.#onOpen = onOpen;
    this.#list.addEventListener('click', (event) => {
      const frame = event.target.closest('.frame');
      if (frame) this.#onOpen(frame);
      if (event.target.closest('.card-stop')) this.#at(event.target)?.stop();
    });
  }

  // A card for a file that the studio does not know yet; `stop` ends its upload.
  begin(file, stop) {
    const key = Symbol(file.name);
    const created = Date.now();
    const card = this.#add(key, created);
    card.stop = stop;
    card.show({ id: '', name: file.name, state: 'queued', size: file.size, received: 0, thumbnails: 0, created });
    return key;
  }

  // The studio has given it a name, by which it may have come already.
  adopt(key, id) {
    const card = this.#cards.get(key);
    this.#cards.delete(key);
    const known = this.#cards.get(id);
    if (known) {
      card.element.replaceWith(known.element);
      known.stop = card.stop;
      known.show(known.view);
      return;
    }
    card.key = id;
    this.#cards.set(id, card);
  }

  fail(key, problem) {
    const card = this.#cards.get(key);
    if (!card || isOver(card.view.state)) return;
    card.show({ ...card.view, state: 'failed', note: problem });
    this.#announce(`${card.view.name} failed. ${problem}`);
  }

  cancel(key) {
    const card = this.#cards.get(key);
    if (!card || isOver(card.view.state)) return;
    card.show({ ...card.view, state: 'cancelled' });
    this.#leave(card);
  }

  // The page is connected again: the studio tells what is under way, and then that
  // this was all.
  doubtAll() {
    this.#doubtful = new Set([...this.#cards.values()].filter((card) => card.view.id && !isOver(card.view.state)));
  }

  // What it has not told of since then; as it was all, no longer in doubt.
  takeUnknown() {
    const unknown = [...this.#doubtful].map((card) => card.key);
    this.#doubtful.clear();
    return unknown;
  }

  update(view) {
    const card = this.#cards.get(view.id) ?? this.#add(view.id, view.created);
    this.#doubtful.delete(card);
    const before = card.view.state;
    if (isOver(before) && before !== view.state && isOver(view.state)) return;
    card.show(view);
    if (before === view.state) return;
    if (view.state === 'done')
      this.#announce(`${view.name} is done: ${format.count(view.thumbnails, 'thumbnail')}.`);
    else if (view.state === 'failed')
      this.#announce(`${view.name} failed. ${view.note}`);
    else if (view.state === 'retrying')
      this.#announce(`${view.name} is made again. ${view.note}`);
    else if (view.state === 'cancelled')
      this.#leave(card);
  }

  thumbnail(event, picture) {
    const card = this.#cards.get(event.upload);
    if (!card) return;
    const url = URL.createObjectURL(picture);
    if (card.frames.size === 0) this.#announce(`The first thumbnail of ${card.view.name} is there.`);
    const item = card.frame(event.index, event.time, url, true);
    item.querySelector('img').addEventListener('load', () => URL.revokeObjectURL(url), { once: true });
  }

  // Those that were there before the page.
  thumbnails({ upload, times }) {
    this.#cards.get(upload)?.keptFrames(upload, times);
  }

  // Videos that are finished.
  restore(videos) {
    for (const video of videos) {
      const card = this.#cards.get(video.id) ?? this.#add(video.id, video.created);
      if (!isOver(card.view.state))
        card.show({ ...card.view, ...video, state: 'done', received: video.size, thumbnails: video.times.length });
      card.keptFrames(video.id, video.times);
    }
  }

  #at(element) {
    const card = element.closest('.card');
    return [...this.#cards.values()].find((each) => each.element === card);
  }

  // The latest one comes first.
  #add(key, created) {
    const card = new Card(this.#template, key);
    this.#cards.set(key, card);
    card.element.dataset.created = created;
    const older = [...this.#list.children].find((other) => Number(other.dataset.created) <= created);
    this.#list.insertBefore(card.element, older ?? null);
    this.#empty.hidden = true;
    return card;
  }

  #leave(card) {
    card.element.classList.add('leaving');
    setTimeout(() => {
      card.element.remove();
      this.#cards.delete(card.key);
      this.#empty.hidden = this.#cards.size > 0;
    }, 1500);
  }
}
