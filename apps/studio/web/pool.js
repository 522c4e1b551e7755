// The panel that shows the pool.

const words = {
  booting: 'booting', busy: 'busy', idle: 'idle', going: 'going', lost: 'lost',
};

// How long a runner that has gone is still seen to go.
const farewell = 600;

export class PoolPanel {
  #list = document.getElementById('runners');
  #template = document.getElementById('runner-template');
  #runners = new Map();
  #max = 0;

  show(pool) {
    this.#text('pool-backend', pool.backend === 'process' ? `up to ${pool.max} processes` : `up to ${pool.max}, ${pool.backend}`);
    this.#text('figure-slots', `${pool.used} of ${pool.max * pool.concurrency}`);
    this.#text('figure-queue', pool.queued);
    this.#text('figure-boots', pool.boots);
    this.#text('figure-retired', pool.retired);
    this.#text('figure-lost', pool.lost);
    document.getElementById('figure-queue').parentElement.toggleAttribute('data-hot', pool.queued > 0);
    document.getElementById('figure-lost').parentElement.toggleAttribute('data-hot', pool.lost > 0);
    this.#showRunners(pool);
  }

  #showRunners(pool) {
    const present = new Set(pool.runners.map(({ name }) => name));
    for (const [name, item] of this.#runners)
      if (!present.has(name)) this.#remove(name, item);
    for (const runner of pool.runners) {
      const item = this.#runners.get(runner.name) ?? this.#add(runner.name);
      this.#fill(item, runner);
    }
    this.#max = pool.max;
    this.#showGhosts();
  }

  #add(name) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    item.querySelector('.runner-name').textContent = name;
    item.dataset.runner = name;
    this.#runners.set(name, item);
    this.#list.insertBefore(item, this.#list.querySelector('.ghost'));
    return item;
  }

  #fill(item, runner) {
    if (item.dataset.state !== runner.state) {
      item.dataset.state = runner.state;
      item.querySelector('.runner-state').textContent = words[runner.state] ?? runner.state;
    }
    item.title = runner.pid ? `process ${runner.pid}` : '';
  }

  #remove(name, item) {
    this.#runners.delete(name);
    item.dataset.state = 'gone';
    item.querySelector('.runner-state').textContent = 'gone';
    setTimeout(() => {
      item.remove();
      this.#showGhosts();
    }, farewell);
  }

  // Room for runners that are not there.
  #showGhosts() {
    const count = Math.max(0, this.#max - this.#list.querySelectorAll('.runner').length);
    const ghosts = [...this.#list.querySelectorAll('.ghost')];
    for (const extra of ghosts.slice(count)) extra.remove();
    for (let i = ghosts.length; i < count; i += 1) {
      const ghost = document.createElement('li');
      ghost.className = 'ghost';
      ghost.setAttribute('aria-hidden', 'true');
      this.#list.append(ghost);
    }
  }

  #text(id, value) {
    document.getElementById(id).textContent = value;
  }
}
