/**
 * The worker that `forkServiceLoop` starts: a context of its own, with protocols from the program's
 * module.
 */

import type { ContextCreationInfo } from "./api/creation_info.ts";
import type { Network } from "./api/network.ts";
import { LwsError, type LwsErrorCode } from "./base/errors.ts";
import { describeError } from "./base/log.ts";
import { createContext } from "./context/face.ts";
import { portBroker } from "./remote/broker/port_broker.ts";
import { CLOSE_ALL, type ForkNotice, type ForkOrder } from "./remote/forked_service.ts";

globalThis.addEventListener("message", (event) => {
  const order: ForkOrder = (event as MessageEvent).data;
  void serve(order);
}, { once: true });

async function serve({ moduleUrl, info, control, broker }: ForkOrder): Promise<void> {
  const tell = (notice: ForkNotice, transfer: Transferable[] = []) =>
    control.postMessage(notice, transfer);
  try {
    const shared = broker && { broker: portBroker(broker) };
    const whole = { ...await load(moduleUrl), ...info, ...shared } as ContextCreationInfo;
    if ((whole.service ?? "automatic") !== "automatic") {
      throw new LwsError(
        "invalid-option",
        `forkServiceLoop: service is ${whole.service}, but the worker serves by itself; ` +
          'allowed: "automatic"',
      );
    }
    const context = createContext(whole);
    const { network } = whole;
    const closesItself = network?.closeAll !== undefined;
    if (closesItself) endInOrder(network, control, tell);
    const servicePort = context.openPort();
    const protocols = context.protocols.map((each) => ({
      name: each.name,
      protocolIndex: each.protocolIndex,
      broadcastSocketPort: each.broadcastSocketPort,
      broadcastToken: each.broadcastToken,
    }));
    const { port, limits: { closeTimeoutMs } } = context;
    tell({ kind: "serving", port, protocols, closeTimeoutMs, closesItself, servicePort }, [
      servicePort,
    ]);
    await context.closed;
    await network?.closeAll?.();
    tell({ kind: "ended" });
  } catch (error) {
    const [code, message]: [LwsErrorCode, string] = error instanceof LwsError
      ? [error.code, error.message]
      : ["worker-failed", describeError(error)];
    tell({ kind: "failed", code, message });
  }
}

/**
 * The sockets of such a network would outlive the worker, and the kernel give connections to a listener that is
 * gone: it has them closed first, whatever ends it.
 */
function endInOrder(network: Network, control: MessagePort, tell: (notice: ForkNotice) => void) {
  const end = async (notice: ForkNotice) => {
    await network.closeAll!();
    tell(notice);
  };
  const fail = (event: Event, message: string) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    void end({ kind: "failed", code: "worker-failed", message });
  };
  control.onmessage = ({ data }) => {
    if (data === CLOSE_ALL) void end({ kind: "ended" });
  };
  globalThis.addEventListener("error", (event) => {
    fail(event, `${event.message} (${event.filename}:${event.lineno})`);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    fail(event, `Uncaught (in promise) ${describeError(event.reason)}`);
  });
}

/** The creation struct's part that comes from the module. */
async function load(moduleUrl: string): Promise<object> {
  let module: { protocols?: unknown; info?: object };
  try {
    // By a module that `deno publish` need not read: of an import that it can't it warns, as a name of an import map
    // would be lost. This one is an absolute URL.
    const loader = await import("data:text/javascript,export const load = (url) => import(url);");
    module = await loader.load(moduleUrl);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LwsError("invalid-argument", `forkServiceLoop: can't load ${moduleUrl}: ${why}`);
  }
  if (module.protocols === undefined) {
    throw new LwsError("invalid-argument", `forkServiceLoop: ${moduleUrl} exports no protocols`);
  }
  return { ...module.info, protocols: module.protocols };
}
