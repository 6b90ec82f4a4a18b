/** What programs that come from other servers call things, and what that is here. */

type Synonyms = Readonly<Record<string, string>>;

/** Options of `createContext` by their names in `Deno.serve`, Bun, `ws`, uWebSockets and Node. */
export const OPTION_SYNONYMS: Synonyms = {
  backpressureLimit: "maxUnsentBytes",
  ca: "sslCaFilepath",
  cert: "sslCertFilepath",
  handler: "fetch",
  heartbeat: "kaTime",
  host: "iface",
  hostname: "iface",
  idleTimeout: "idleTimeoutMs",
  key: "sslPrivateKeyFilepath",
  maxBackpressure: "maxUnsentBytes",
  maxPayload: "maxMessageSize",
  maxPayloadLength: "maxMessageSize",
  maxRequestBodySize: "maxBodySize",
  path: "protocols[…].path",
  perMessageDeflate: "extensions",
  pingInterval: "kaTime",
  protocol: "protocols",
  routes: "fetch",
  sendPings: "kaTime",
  tls: "sslCertFilepath",
  unix: "socketPath",
  verifyClient: "upgrade of protocol({ … })",
  websocket: "protocols",
};

/** Methods of a protocol by their names there. */
export const METHOD_SYNONYMS: Synonyms = {
  connection: "open",
  data: "message",
  handleProtocols: "upgrade",
  onConnection: "open",
  onError: "clientConnectionError",
  onclose: "close",
  onerror: "clientConnectionError",
  ping: "receivePing",
  pong: "receivePong",
  request: "fetch",
  verifyClient: "upgrade",
};
