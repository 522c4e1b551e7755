// A thumbnail, larger.

export class Viewer {
  #dialog = document.getElementById('viewer');
  #image = document.getElementById('viewer-image');
  #text = document.getElementById('viewer-text');
  #frame = null;

  constructor() {
    document.getElementById('viewer-back').addEventListener('click', () => this.#go('previousElementSibling'));
    document.getElementById('viewer-next').addEventListener('click', () => this.#go('nextElementSibling'));
    document.getElementById('viewer-close').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('keydown', ({ key }) => {
      if (key === 'ArrowLeft') this.#go('previousElementSibling');
      if (key === 'ArrowRight') this.#go('nextElementSibling');
    });
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener('close', () => this.#frame?.focus());
  }

  open(frame) {
    this.#show(frame);
    this.#dialog.showModal();
  }

  #go(direction) {
    const next = this.#frame?.parentElement[direction]?.querySelector('.frame');
    if (next) this.#show(next);
  }

  #show(frame) {
    this.#frame = frame;
    const time = frame.querySelector('.stamp').textContent;
    const shown = frame.querySelector('img');
    this.#image.alt = `Thumbnail at ${time}`;
    this.#text.textContent = time;
    if (!shown.src.startsWith('blob:')) {
      this.#image.onload = null;
      this.#image.src = shown.src;
      return;
    }
    // Drawn, as it has come without an address of its own.
    const canvas = document.createElement('canvas');
    canvas.width = shown.naturalWidth;
    canvas.height = shown.naturalHeight;
    canvas.getContext('2d').drawImage(shown, 0, 0);
    canvas.toBlob((blob) => {
      if (this.#frame !== frame) return;
      const url = URL.createObjectURL(blob);
      this.#image.onload = () => URL.revokeObjectURL(url);
      this.#image.src = url;
    });
  }
}
