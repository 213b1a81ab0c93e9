// One call: microphone and face over WebRTC, events over a data channel. Knows nothing of the page.
//
// Where the network breaks or the server's process ends, the call goes on as soon as it can: same microphone, same session.
//
//   const call = new Call();
//   call.addEventListener('state', e => e.detail);   // 'connecting', 'connected', 'shaky', 'ended'
//   call.addEventListener('event', e => e.detail);   // what the server tells: {type: 'transcript', ...}
//   call.addEventListener('failed', e => e.detail);  // a Problem; the call is over
//   await call.start(video);

import {Problem} from '/web/problem.js';

const CONNECT_MS = 12000;  // from the answer to a connection
const SHAKY_MS = 3000;  // a connection that does not come back within this is made anew
const ANSWER_MS = 10000;
const RETURN_MS = 15000;  // a server that is not reached again within this is gone
const AGAIN_MS = 20;  // before it is tried again; the next time 1.1 times as long, and so on

export class Call extends EventTarget {
  state = 'idle';
  sessionId = null;
  times = {};  // ms since start() of what happened for the first time
  #began = 0;
  #timer = 0;
  #video = null;
  #wasUp = null;  // the latest connection that came about
  #isReturning = false;
  #shown = null;  // the connection whose picture is seen: closed, it would be black

  // Resolves when the answer is there; the connection is told by events. video: the element for face and voice.
  async start(video) {
    this.#video = video;
    this.#began = performance.now();
    this.#become('connecting');
    try {
      this.microphone = await openMicrophone();
      this.#mark('microphone');
      if (this.state === 'ended') return stopTracks(this.microphone);
      await this.#connect();
    } catch (error) {
      this.#fail(error instanceof Problem ? error : new Problem('webrtc', error.message));
    }
  }

  // until: so long an unreachable server is asked again.
  async #connect(until = 0) {
    const video = this.#video;
    const peer = this.peer = new RTCPeerConnection({iceServers: [], bundlePolicy: 'max-bundle'});
    peer.addTrack(this.microphone.getAudioTracks()[0], this.microphone);
    peer.addTransceiver('video', {direction: 'recvonly'});
    peer.ontrack = ({receiver, track, streams}) => {
      if (track.kind !== 'video') return;
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
      const show = () => {
        video.srcObject = streams[0];
        if (this.#shown !== peer) this.#shown?.close();
        this.#shown = peer;
      };
      if (this.#shown) track.onunmute = show;  // until then the last picture stays
      else show();
    };
    video.requestVideoFrameCallback?.(() => this.#mark('picture'));
    peer.onconnectionstatechange = () => peer === this.peer && this.#connectionChanged();
    this.events = peer.createDataChannel('events');
    this.events.onmessage = message => this.#emit('event', JSON.parse(message.data));
    await peer.setLocalDescription();  // sent at once: the server learns this side's addresses from its packets
    const offer = {type: 'offer', sdp: peer.localDescription.sdp, user: userKey(), session: this.sessionId ?? ''};
    const answer = await this.#post(offer, until);
    this.sessionId = answer.session_id;
    this.#mark('answer');
    if (this.state === 'ended') return this.#tellServer();
    this.#after(CONNECT_MS, () => this.#failToConnect(`the connection is still ${peer.connectionState}`));
    await peer.setRemoteDescription({type: answer.type, sdp: answer.sdp});
    this.#watchServer(peer);
  }

  // The server answers this request when the call is over. It breaks before where the network does, or the server's
  // process ends.
  async #watchServer(peer) {
    let over = false;
    try {
      over = (await (await fetch(`/api/session/${this.sessionId}/end`)).json()).ended;
    } catch {}
    if (over) this.#fail(new Problem('ended'));
    else if (peer === this.peer) await this.#return();
  }

  async #return() {
    if (this.#isReturning) return;
    this.#isReturning = true;
    this.#become('shaky');
    if (this.peer !== this.#shown) this.peer.close();
    try {
      await this.#connect(performance.now() + RETURN_MS);
    } catch {
      this.#fail(new Problem('lost'));
    }
    this.#isReturning = false;
  }

  async #post(offer, until) {
    let response, body = {};
    for (let wait = AGAIN_MS; !response; wait *= 1.1) {
      try {
        response = await fetch('/api/offer', {
          method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(offer),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        body = await response.json();
      } catch (error) {
        if (response) break;
        if (performance.now() > until || this.state === 'ended') throw new Problem('unreachable', error.message);
        await new Promise(resolve => setTimeout(resolve, wait));
      }
    }
    if (response.status === 503) throw new Problem('full', body.error);
    if (!response.ok) throw new Problem('refused', body.error ?? `status ${response.status}`);
    return body;
  }

  #connectionChanged() {
    switch (this.peer.connectionState) {
      case 'connected':
        clearTimeout(this.#timer);
        this.#mark('connected');
        this.#wasUp = this.peer;
        return this.#become('connected');
      case 'disconnected':
        this.#become('shaky');
        return this.#after(SHAKY_MS, () => this.#return());
      case 'failed':
        return this.#wasUp === this.peer ? this.#return() : this.#failToConnect();
    }
  }

  #after(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  #failToConnect(detail) {
    this.#fail(new Problem(this.#wasUp ? 'lost' : 'webrtc', detail));
  }

  // How loud the microphone is, 0 to 1.
  async level() {
    const sender = this.peer?.getSenders().find(one => one.track?.kind === 'audio');
    for (const report of (await sender?.getStats())?.values() ?? []) {
      if (report.type === 'media-source') return report.audioLevel ?? 0;
    }
    return 0;
  }

  // What arrives, in numbers.
  async stats() {
    const reports = [...(await this.peer?.getStats() ?? new Map()).values()];
    const inbound = kind => reports.find(one => one.type === 'inbound-rtp' && one.kind === kind) ?? {};
    const codec = id => reports.find(one => one.id === id)?.mimeType;
    const video = inbound('video'), audio = inbound('audio');
    const pair = reports.find(one => one.type === 'candidate-pair' && one.nominated);
    return {
      codec: codec(video.codecId), audioCodec: codec(audio.codecId), decoder: video.decoderImplementation,
      width: video.frameWidth, height: video.frameHeight,
      framesDecoded: video.framesDecoded ?? 0, framesDropped: video.framesDropped ?? 0,
      freezes: video.freezeCount ?? 0, packetsLost: (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
      audioPackets: audio.packetsReceived ?? 0, concealedSamples: audio.concealedSamples ?? 0,
      audioEnergy: audio.totalAudioEnergy ?? 0,
      audioMinusVideoMs: audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp,
      roundTripMs: pair?.currentRoundTripTime * 1000, times: {...this.times},
    };
  }

  stop() {
    if (this.state === 'ended') return;
    this.#tellServer();
    this.#end();
  }

  #fail(problem) {
    if (this.state === 'ended') return;
    this.#tellServer();
    this.#end();
    this.#emit('failed', problem);
  }

  #tellServer() {  // keepalive: also while the page is being left
    if (this.sessionId) fetch(`/api/session/${this.sessionId}`, {method: 'DELETE', keepalive: true}).catch(() => {});
  }

  #end() {
    clearTimeout(this.#timer);
    this.#become('ended');
    stopTracks(this.microphone);
    this.peer?.close();
    this.#shown?.close();
  }

  #mark(name) { this.times[name] ??= Math.round(performance.now() - this.#began); }
  #emit(name, detail) { this.dispatchEvent(new CustomEvent(name, {detail})); }
  #become(state) {
    if (this.state === 'ended' || this.state === state) return;
    this.state = state;
    this.#emit('state', state);
  }
}

// A random key under which the face remembers what this browser's user told it; none in a private window.
export function userKey() {
  try {
    let key = localStorage.getItem('visavis-user');
    if (!/^[\w-]{22}$/.test(key)) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      key = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
      localStorage.setItem('visavis-user', key);
    }
    return key;
  } catch {
    return undefined;
  }
}

function stopTracks(stream) {
  stream?.getTracks().forEach(track => track.stop());
}

async function openMicrophone() {
  if (!window.isSecureContext || !navigator.mediaDevices) throw new Problem('insecure');
  if (!window.RTCPeerConnection) throw new Problem('old');
  const audio = {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1};
  try {
    return await navigator.mediaDevices.getUserMedia({audio});
  } catch (error) {
    const kinds = {NotAllowedError: 'microphone-refused', SecurityError: 'microphone-refused',
      NotFoundError: 'microphone-missing', OverconstrainedError: 'microphone-missing'};
    throw new Problem(kinds[error.name] ?? 'microphone-busy', error.message);
  }
}
