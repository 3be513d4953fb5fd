import fc from "fast-check";
import { expect, test } from "vitest";
import { clientWorld } from "../testing/client-world.ts";
import type { Fault } from "../testing/contract-server.ts";
import type { Client, Result } from "./index.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const faults: Exclude<Fault, null>[] = [
  "lost",
  "down",
  "hang",
  "hang-after",
  { status: 503, headers: { "retry-after": "30" } },
  { status: 429, headers: { "retry-after": "5" }, body: { error: "slow_down" } },
  { status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
];

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1_000, 20_000, HOUR_MS, DAY_MS) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("call" as const), times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke-access" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("store" as const), works: fc.boolean() }) },
);

test("whatever gets lost and whenever it restarts: no exception, one refresh at a time, one ping a day acknowledged, no sign-in lost that could be kept", async () => {
  let acknowledged = 0;
  let survived = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.infiniteStream(fc.option(fc.constantFrom(...faults), { freq: 2 })),
      async (steps, stream) => {
        const { server, time, store, make } = clientWorld();
        const answers: Promise<Result<unknown>>[] = [];
        const acknowledgedDays: number[] = [];
        let storeWorks = true;
        const keep = {
          get: store.get,
          set: async (text: string) => {
            await store.set(text);
            // Written, but reported as failed: the client must not rely on the report.
            if (!storeWorks) throw new Error("store");
          },
        };
        const start = (): Client => {
          const client = make({
            registrationKey: "key",
            store: keep,
            onEvent: (event) => {
              if (event.type === "pinged") acknowledgedDays.push(Math.floor(time.now() / DAY_MS));
            },
          });
          answers.push(client.start());
          return client;
        };
        let client = start();
        await time.advance(1_000);
        const signedIn = client.signIn({ onCode: () => server.approve() });
        await time.advance(6_000);
        expect(await signedIn).toMatchObject({ ok: true });
        server.fault = () => stream.next().value ?? null;

        for (const { do: what, ...detail } of steps as { do: string; ms?: number; times?: number; works?: boolean }[]) {
          if (what === "wait") await time.advance(detail.ms ?? 0);
          else if (what === "call") {
            answers.push(...Array.from({ length: detail.times ?? 1 }, () => client.session()));
            await time.advance(0);
          } else if (what === "revoke-access") for (const family of server.families) family.access.clear();
          else if (what === "store") storeWorks = detail.works ?? true;
          else {
            // The program is gone in the middle of things: nothing that it waited for will ever come.
            time.clear();
            answers.length = 0;
            server.refreshing.now = 0;
            client = start();
            await time.advance(0);
          }
        }
        await time.advance(60_000);
        for (const answer of await Promise.all(answers)) expect(typeof answer.ok).toBe("boolean");
        expect(server.refreshing.most).toBeLessThanOrEqual(1);
        expect(new Set(acknowledgedDays).size).toBe(acknowledgedDays.length);
        acknowledged += acknowledgedDays.length;
        if (server.families[0]?.ended === false) survived += 1;

        // When everything works again, so does the client.
        server.fault = () => null;
        await time.advance(2 * DAY_MS);
        expect(acknowledgedDays.length).toBeGreaterThan(0);
        expect(new Set(acknowledgedDays).size).toBe(acknowledgedDays.length);
        const after = await client.session();
        expect(after.ok || after.error.code === "signed-out").toBe(true);
        client.stop();
      },
    ),
    { numRuns: 150 },
  );
  expect(acknowledged).toBeGreaterThan(150);
  expect(survived).toBeGreaterThan(30);
}, 120_000);

test("lost answers alone never lose a sign-in, as long as one of the next within a minute arrives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("lost" as const, "hang-after" as const), { maxLength: 2 }),
      fc.nat(20),
      async (lost, days) => {
        const { server, time, make } = clientWorld();
        const client = make();
        const signedIn = client.signIn({ onCode: () => server.approve() });
        await time.advance(6_000);
        expect(await signedIn).toMatchObject({ ok: true });
        for (let day = 0; day < days; day++) {
          await time.advance(DAY_MS);
          const left: Fault[] = [...lost];
          server.fault = ({ body }) => (body.includes("refresh_token=") ? (left.shift() ?? null) : null);
          const answer = client.session();
          await time.advance(60_000);
          expect(await answer).toMatchObject({ ok: true });
        }
        expect(server.families.map(({ ended }) => ended)).toEqual([false]);
      },
    ),
    { numRuns: 60 },
  );
});
