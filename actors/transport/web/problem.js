// What can go wrong, in words for the user: what it is, and what to do.

const WORDS = {
  'insecure': ['The microphone needs a secure page.',
    'Browsers allow it over https, or on this computer under http://localhost. Open the page that way.'],
  'old': ['This browser cannot make calls.', 'It has no WebRTC. Use a current Chrome, Edge, Firefox or Safari.'],
  'microphone-refused': ['The microphone is not allowed.',
    'Allow it for this page in the address bar or in the browser’s settings, then try again.'],
  'microphone-missing': ['There is no microphone.', 'Plug one in, or choose one in the system’s settings, then try again.'],
  'microphone-busy': ['The microphone cannot be opened.', 'Another program may be using it. Close that, then try again.'],
  'unreachable': ['The server does not answer.', 'It may be starting, or you may be offline. Try again in a moment.'],
  'full': ['All places are taken.', 'Somebody else is talking at the moment. Try again in a little while.'],
  'refused': ['The server did not take the call.', ''],
  'webrtc': ['No connection came about.',
    'The page loads, but sound and picture do not get through. A firewall or VPN may block UDP between you and the server.'],
  'lost': ['The connection was lost.', 'The network was interrupted, or the server went away.'],
  'ended': ['The server ended the call.', 'It may be restarting. You can call again.'],
};

export class Problem extends Error {
  // code: a key of WORDS; detail: the facts, for those who look after the system.
  constructor(code, detail = '') {
    super(detail || code);
    this.code = code;
    this.detail = detail;
    [this.title, this.words] = WORDS[code];
    if (code === 'refused') this.words = detail;
  }
}
