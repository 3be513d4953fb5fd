// First: it sets the clock that all others read.
import "./simulation.ts";

import type { Admitted, Caller, CallJob, InsideJob, TraceJob, TraceResult } from "../terms.ts";
import { BareObject } from "./bare.ts";
import { BindingObject, emulatedBinding } from "./binding.ts";
import { FlexibleObject } from "./flexible.ts";
import { HonoObject, honoStore } from "./hono.ts";
import { BucketObject, SpacingObject } from "./in-memory.ts";
import { OursObject } from "./ours.ts";
import { advance, beginTrace, rowsWritten } from "./simulation.ts";
import { TwoCounterObject } from "./two-counter.ts";

export {
  BareObject,
  BindingObject,
  BucketObject,
  FlexibleObject,
  HonoObject,
  OursObject,
  SpacingObject,
  TwoCounterObject,
};

interface Env {
  BARE: DurableObjectNamespace<BareObject>;
  OURS: DurableObjectNamespace<OursObject>;
  FLEXIBLE: DurableObjectNamespace<FlexibleObject>;
  HONO: DurableObjectNamespace<HonoObject>;
  BINDING: DurableObjectNamespace<BindingObject>;
  TWO_COUNTER: DurableObjectNamespace<TwoCounterObject>;
  BUCKET: DurableObjectNamespace<BucketObject>;
  SPACING: DurableObjectNamespace<SpacingObject>;
}

/** A caller's object, and how it decides once. Every decision finds its object anew, as one request after another does. */
interface Contestant {
  object(): { ring(): Promise<void>; restart(): Promise<void> };
  decide(): Promise<boolean>;
}

function contestant(env: Env, caller: Caller, run: string): Contestant {
  const plain = (namespace: DurableObjectNamespace<BareObject>): Contestant => {
    const object = () => namespace.get(namespace.idFromName(run));
    return { object: object as never, decide: () => object().take() };
  };
  switch (caller) {
    case "bare":
      return plain(env.BARE);
    case "answer": {
      const object = () => env.BARE.get(env.BARE.idFromName(run));
      return { object: object as never, decide: async () => (await object().answer()).startsWith("1") };
    }
    case "ours": {
      const object = () => env.OURS.get(env.OURS.idFromName(run));
      return { object: object as never, decide: async () => (await object().take()).startsWith("1") };
    }
    case "flexible":
      return plain(env.FLEXIBLE as never);
    case "two-counter":
      return plain(env.TWO_COUNTER as never);
    case "bucket":
      return plain(env.BUCKET as never);
    case "spacing":
      return plain(env.SPACING as never);
    case "hono":
      return { object: () => env.HONO.get(env.HONO.idFromName(run)) as never, decide: honoStore(env.HONO, run) };
    case "binding":
      return {
        object: () => env.BINDING.get(env.BINDING.idFromName(run)) as never,
        decide: emulatedBinding(env.BINDING, run),
      };
  }
}

async function replay(env: Env, { subject, run, arrivals, restartBefore }: TraceJob): Promise<TraceResult> {
  const { object, decide } = contestant(env, subject, run);
  beginTrace();
  let admitted = "";
  for (const [index, at] of arrivals.entries()) {
    await advance(at, () => object().ring());
    // Whoever aborts is not answered.
    if (index === restartBefore) await Promise.allSettled([object().restart()]);
    admitted += (await decide()) ? "1" : "0";
  }
  return { admitted, writes: rowsWritten() };
}

async function callAtOnce(env: Env, { caller, run, calls, inFlight }: CallJob): Promise<Admitted> {
  const { decide } = contestant(env, caller, run);
  let begun = 0;
  let admitted = 0;
  const loop = async () => {
    while (begun < calls) {
      begun += 1;
      if (await decide()) admitted += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return { admitted };
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/trace") return Response.json(await replay(env, await request.json<TraceJob>()));
    if (pathname === "/calls") return Response.json(await callAtOnce(env, await request.json<CallJob>()));
    if (pathname === "/inside") {
      const job = await request.json<InsideJob>();
      beginTrace();
      const result = await env.OURS.get(env.OURS.idFromName(job.run)).inside(job);
      return Response.json({ ...result, writes: rowsWritten() });
    }
    return new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
