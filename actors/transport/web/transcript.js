// The conversation as bubbles: what the user said, and what the face is saying.

export class Transcript {
  entries = [];  // {who: 'you' or 'face', text, stage or turn}
  #replies = new Map();  // turn to its bubble
  #utterances = new Map();  // number to its bubble
  #told = new Set();  // turns and sentences

  constructor(log, partial) {
    this.log = log;
    this.partial = partial;
  }

  heard({utterance, stage, text}) {
    this.partial.hidden = stage === 'final' || !text;
    this.partial.textContent = text;
    if (stage === 'final' && text) this.#settle(utterance, text);
    this.#scroll();
  }

  // A second final transcript of an utterance is a correction.
  #settle(utterance, text) {
    const entry = this.entries.findLast(one => one.who === 'you');
    if (entry?.utterance !== utterance) return this.#utterances.set(utterance, this.#add('you', text, {utterance}));
    entry.text = text;
    this.#utterances.get(utterance).lastChild.textContent = text;
  }

  // A sentence may be told again, where the connection was made anew in the middle of it.
  said({turn, sentence, text}) {
    if (!text || this.#told.has(`${turn} ${sentence}`)) return;
    this.#told.add(`${turn} ${sentence}`);
    const entry = this.entries.find(one => one.turn === turn);
    if (entry) {
      entry.text += ` ${text}`;
      this.#replies.get(turn).lastChild.textContent = entry.text;
    } else {
      this.#replies.set(turn, this.#add('face', text, {turn}));
    }
    this.#scroll();
  }

  cut(turn) {
    this.#replies.get(turn)?.classList.add('cut');
  }

  clear() {
    this.entries.length = 0;
    this.#replies.clear();
    this.#told.clear();
    this.#utterances.clear();
    this.log.replaceChildren();
    this.partial.hidden = true;
  }

  #add(who, text, more) {
    const bubble = document.createElement('li');
    bubble.className = `bubble ${who}`;
    const speaker = document.createElement('span');
    speaker.className = 'unseen';
    speaker.textContent = who === 'you' ? 'You: ' : 'Answer: ';
    bubble.append(speaker, document.createTextNode(text));
    this.log.append(bubble);
    this.entries.push({who, text, ...more});
    return bubble;
  }

  #scroll() {
    const box = this.log.parentElement;
    box.scrollTop = box.scrollHeight;
  }
}
