/** What goes wrong with any broker, between two nodes in processes of their own that have it. */

import { assert, assertEquals } from "@std/assert";
import { type Account, NO_FAULTS } from "../../support/topics/audit.ts";
import type { Program } from "../peer.ts";
import { Fleet, lasting } from "./fleet.ts";
import { Path } from "./path.ts";
import type { BrokerChoice } from "./wire.ts";

/** A server that a test has started. */
export interface BrokerServer extends AsyncDisposable {
  readonly port: number;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it anew on the same port, with its data. */
  restart(): Promise<void>;
}

/** A kind of broker. */
export interface BrokerKind {
  /** As it stands in the names of tests. */
  readonly title: string;
  readonly program: Program;
  /** Starts a server whose data outlives a crash. */
  start(): Promise<BrokerServer>;
  /** The broker of a node for the server at a port, which trusts that its data is there after a restart. */
  broker(port: number, history: { readonly historySize: number }): BrokerChoice;
  /** Whether what comes live has a connection of its own. */
  readonly hasLiveWay: boolean;
}

/** More than is published while anything is away. */
export const KEEPS = { historySize: 2_000 };

/** Nothing may be wrong, whatever else became of a run. */
export function assertHonest({ faults, complaints }: Account): void {
  assertEquals({ faults, complaints }, { faults: NO_FAULTS, complaints: [] });
}

/** Nothing was missed by any follower, openly or not. */
export function assertWhole(account: Account, followersEach = 10): void {
  assertHonest(account);
  const { gaps, unrecovered, lostOpenly, delivered, published } = account;
  assertEquals({ gaps, unrecovered, lostOpenly }, { gaps: {}, unrecovered: 0, lostOpenly: 0 });
  assertEquals(delivered, published * followersEach);
}

/** The tests of a kind. */
export function testFaults({ title, program, start, broker, hasLiveWay }: BrokerKind): void {
  program.test(`${title} is killed for 2 s, and half of the clients are away: all get all, once`, async () => {
    await using server = await start();
    const one = broker(server.port, KEEPS);
    await using fleet = await Fleet.start({ brokers: [one, one] });
    await fleet.publish();
    await fleet.delivered(60);
    const away = fleet.followers.filter((_, i) => i % 2 === 0);
    for (const follower of away) follower.leave();
    await server.kill();
    await lasting(2_000);
    await server.restart();
    await fleet.connect(away, 1);
    await fleet.delivered(60);
    const account = await fleet.settle();
    assertWhole(account);
    assert(account.refused > 0, "publications were refused");
    assertEquals(account.recovered, away.length);
  });

  for (const which of hasLiveWay ? ["all", "live"] as const : ["all"] as const) {
    const what = which === "all" ? "all ways" : "the live ways";
    program.test(`${what} to ${title} are dead and stay open: it is found out, and nothing is missed`, async () => {
      await using server = await start();
      await using path = new Path(server.port);
      const brokers = [broker(server.port, KEEPS), broker(path.port, KEEPS)];
      await using fleet = await Fleet.start({ brokers });
      await fleet.publish();
      await fleet.delivered(50);
      assert(path.freeze(which) > 0, "connections are dead now");
      await fleet.delivered(100);
      assertWhole(await fleet.settle());
    });
  }

  program.test(`what ${title} keeps no longer is told: to clients that were away, and where a node was cut off`, async () => {
    await using server = await start();
    await using path = new Path(server.port);
    const keeps = { historySize: 20 };
    const brokers = [broker(server.port, keeps), broker(path.port, keeps)];
    await using fleet = await Fleet.start({ brokers });
    await fleet.publish();
    await fleet.delivered(50);
    const ofFirst = fleet.followers.filter((each) => fleet.nodeOf(each) === 0);
    const [away, stay] = [ofFirst.slice(0, 20), ofFirst.slice(20)];
    for (const follower of away) follower.leave();
    path.block();
    await fleet.delivered(100, stay);
    path.open();
    await fleet.connect(away);
    await fleet.delivered(50);
    const account = await fleet.settle();
    assertHonest(account);
    assertEquals([account.recovered, account.unrecovered], [0, 20]);
    // More than once where it is slow, as what is published goes on.
    assertEquals(Object.keys(account.gaps), ["trimmed"]);
    assert(account.gaps["trimmed"]! >= 100, `${account.gaps["trimmed"]} gaps were told`);
    assert(account.lostOpenly > 120 * 50, `${account.lostOpenly} were told to be lost`);
  });

  program.test(`a node is stopped for 4 s, and ${title} goes on: nothing is missed`, async () => {
    await using server = await start();
    const one = broker(server.port, KEEPS);
    await using fleet = await Fleet.start({ brokers: [one, one] });
    await fleet.publish();
    await fleet.delivered(50);
    fleet.nodes[0]!.signal("SIGSTOP");
    await lasting(4_000);
    fleet.nodes[0]!.signal("SIGCONT");
    await fleet.delivered(50);
    assertWhole(await fleet.settle());
  });

  program.test(`500 clients come back at once, each to another node: all get from ${title} what they have missed`, async () => {
    await using server = await start();
    const one = broker(server.port, KEEPS);
    // As many deliveries a second as elsewhere.
    await using fleet = await Fleet.start({
      ...{ brokers: [one, one], followers: 520, rate: 20, limits: { brokerTimeoutMs: 10_000 } },
    });
    await fleet.publish();
    await fleet.delivered(20);
    const [stay, away] = [fleet.followers.slice(0, 20), fleet.followers.slice(20)];
    for (const follower of away) follower.leave();
    // More than a node has at hand.
    await fleet.delivered(80, stay);
    await fleet.connect(away, 1);
    await fleet.delivered(20);
    const account = await fleet.settle();
    assertWhole(account, 26);
    assertEquals(account.recovered, 500);
  });
}
