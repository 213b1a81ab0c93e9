// The page around a call: button, state, transcript, and words for what goes wrong.

import {Call} from '/web/call.js';
import {Transcript} from '/web/transcript.js';

const LEVEL_MS = 120;
const STATS_MS = 1000;
const HEALTH_MS = 2000;
const WORDS = {idle: 'Ready', connecting: 'Connecting…', shaky: 'Weak connection…', failed: 'Not connected', ended: 'Call ended'};
const DIALOGUE = {idle: 'Connected', listening: 'Listening', thinking: 'Thinking', speaking: 'Speaking'};

const element = id => document.getElementById(id);
const face = element('face'), button = element('call'), body = document.body;
const transcript = new Transcript(element('log'), element('partial'));
let call = null, state = 'idle', dialogue = 'idle', problem = null, latencyMs = null, stats = {}, missing = [];

// For tests and the curious; nothing here changes the page.
window.visavis = Object.freeze({
  get state() { return state; },
  get session() { return call?.sessionId; },
  get dialogue() { return dialogue; },
  get transcripts() { return transcript.entries.map(one => ({...one})); },
  get stats() { return {...stats}; },
  get latencyMs() { return latencyMs; },
  get problem() { return problem && {code: problem.code, title: problem.title, words: problem.words}; },
  get missing() { return [...missing]; },
});

function show() {
  body.dataset.state = state === 'shaky' ? 'connected' : state;
  body.dataset.dialogue = state === 'connected' ? dialogue : '';
  body.toggleAttribute('data-picture', inCall() && stats.times?.picture !== undefined);
  element('state-words').textContent = state === 'connected' ? DIALOGUE[dialogue] : WORDS[state];
  element('problem').hidden = !problem;
  element('problem-title').textContent = problem?.title ?? '';
  element('problem-words').textContent = problem?.words ?? '';
  element('hint').hidden = problem !== null || transcript.entries.length > 0 || !element('partial').hidden;
  element('hint').textContent = state === 'connected' ? 'Say something.' : 'Press the button and say hello.';
  element('latency').textContent = latencyMs === null ? '' : `answers in ${Math.round(latencyMs)} ms`;
  element('mic').textContent = state === 'connected' ? 'microphone on' : '';
  element('health').textContent = missing.length ? `waiting for ${missing.join(', ')}` : '';
  button.setAttribute('aria-label', inCall() ? 'End the call' : 'Start the call');
}

function rest() {
  button.style.removeProperty('--level');
  element('partial').hidden = true;
  show();
}

const inCall = () => ['connecting', 'connected', 'shaky'].includes(state);

function start() {
  transcript.clear();
  [problem, latencyMs, stats, dialogue] = [null, null, {}, 'idle'];
  face.muted = false;
  const mine = call = new Call();
  const when = (name, act) => mine.addEventListener(name, e => { if (call === mine) { act(e.detail); show(); } });
  when('state', now => { state = now; });
  when('event', take);
  when('failed', what => { [problem, state] = [what, 'failed']; rest(); element('again').focus(); });
  face.requestVideoFrameCallback?.(() => { stats = {...stats, times: {...mine.times}}; show(); });
  mine.start(face);
  watch(mine);
}

function stop() {
  call.stop();
  state = 'idle';
  rest();
}

function take(event) {
  switch (event.type) {
    case 'transcript': return transcript.heard(event);
    case 'reply': face.muted = false; return transcript.said(event);
    case 'floor': face.muted = event.state === 'yielded'; return;
    case 'playout':
      if (event.state === 'started') face.muted = false;
      return event.state === 'stopped' && transcript.cut(event.turn);
    case 'state': dialogue = event.state; return;
    case 'latency': latencyMs = event.ms; return;
    case 'health': missing = event.missing; return;
  }
}

async function watch(mine) {
  const every = (ms, act) => {
    const timer = setInterval(() => call === mine && inCall() ? act() : clearInterval(timer), ms);
  };
  every(LEVEL_MS, async () => button.style.setProperty('--level', Math.min(1, Math.sqrt(await mine.level())).toFixed(3)));
  every(STATS_MS, async () => { stats = await mine.stats(); show(); });
}

async function checkHealth() {
  if (!inCall()) {
    try {
      missing = (await (await fetch('/api/health')).json()).missing;
    } catch {
      missing = ['the server'];
    }
    show();
  }
  if (missing.length || inCall()) setTimeout(checkHealth, HEALTH_MS);
}

button.addEventListener('click', () => inCall() ? stop() : start());
element('again').addEventListener('click', start);
window.addEventListener('pagehide', () => inCall() && call.stop());
show();
checkHealth();
