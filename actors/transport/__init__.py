"""The network and the playout clock: WebRTC to the browser, the page over HTTP."""
