import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Id, newId } from "../src/core/id.ts";
import { gateOf, manyInstances, pingCall, takeCall, tellGate } from "../src/testing/instance.ts";
import { testTenant } from "../src/testing/world.ts";

const START = Date.now();
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
afterEach(() => void vi.useRealTimers());
const at = (seconds: number) => vi.setSystemTime(START + seconds * 1_000);

async function family() {
  const reseller = await testTenant({ kind: "reseller" });
  const client = await testTenant({ kind: "client", parent: reseller, plan: "free" });
  const [instance] = (await manyInstances(client, 1)) as [Id<"instance">];
  await tellGate(reseller, {});
  await tellGate(client, { ancestors: [reseller.gateId] });
  const pinged = async () => (await gateOf(client).ping(pingCall(client, instance))).outcome;
  const take = () => gateOf(client).take(takeCall(client));
  return { reseller, client, pinged, take };
}

test("a suspended reseller's clients are suspended within 60 s, and resumed as fast", async () => {
  const { reseller, pinged, take } = await family();
  at(0);
  expect(await pinged()).toBe("recorded");
  at(1);
  await tellGate(reseller, { status: "suspended" });
  // A busy client asks beside its requests, and so hears of it by itself.
  for (let second = 2; second < 61; second += 3) {
    at(second);
    await pinged();
  }
  at(61);
  expect(await pinged()).toBe("ignored");
  expect(await take()).toEqual({ outcome: "refused", reason: "tenant-suspended" });
  await tellGate(reseller, { status: "active" });
  at(121);
  expect(await pinged()).toBe("repeated");
  expect(await take()).toMatchObject({ outcome: "admitted" });
});

test("a client that was quiet, or asleep, asks before it decides: what it knew is too old", async () => {
  for (const asleep of [false, true]) {
    const { reseller, client, pinged, take } = await family();
    at(0);
    expect(await pinged()).toBe("recorded");
    await tellGate(reseller, { status: "suspended" });
    if (asleep) await evictDurableObject(gateOf(client));
    at(60);
    expect(await pinged()).toBe("ignored");
    expect(await take()).toEqual({ outcome: "refused", reason: "tenant-suspended" });
  }
});

test("asking happens beside the request: what is fresh decides at once, without a word to the gate above", async () => {
  const { reseller, pinged } = await family();
  at(0);
  expect(await pinged()).toBe("recorded");
  await tellGate(reseller, { status: "suspended" });
  at(19);
  expect(await pinged()).toBe("repeated");
  // This one still decides by what is known, and has it asked for again.
  at(30);
  expect(await pinged()).toBe("repeated");
  await vi.waitFor(async () => expect(await pinged()).toBe("ignored"));
});

test("when the gate above cannot be asked, nobody is let in on an old word, and everybody is on a fresh one", async () => {
  const { reseller, client, pinged } = await family();
  at(0);
  expect(await pinged()).toBe("recorded");
  // A gate whose storage is broken does not wake.
  await runInDurableObject(gateOf(reseller), (_, { storage }) => void storage.sql.exec("drop table meta"));
  await evictDurableObject(gateOf(reseller));
  at(19);
  expect(await pinged()).toBe("repeated");
  at(60);
  // Inside the object: over RPC the runtime reports what is thrown a second time.
  await runInDurableObject(gateOf(client), async (gate) => {
    await expect(gate.ping(pingCall(client, newId("instance", START)))).rejects.toThrow();
    await expect(gate.take(takeCall(client))).rejects.toThrow();
  });
});
