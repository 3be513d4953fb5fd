import {
  type Client,
  type ClientEvent,
  type ClientOptions,
  type ClientStore,
  createClient,
  type Result,
} from "../client/index.ts";
import { ContractServer } from "./contract-server.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A store in memory, which outlives its client as a file would. */
export class MemoryStore implements ClientStore {
  text: string | null = null;
  get = async (): Promise<string | null> => this.text;
  set = async (text: string): Promise<void> => {
    this.text = text;
  };
}

/** A client with a service of its own, a clock of its own and no chance. */
export function clientWorld() {
  const time = new VirtualTime();
  const server = new ContractServer(time.now);
  const store = new MemoryStore();
  const events: ClientEvent[] = [];
  /** Another one on the same store is what comes after a restart. */
  const make = (more: Partial<ClientOptions> = {}): Client =>
    createClient({
      url: "http://127.0.0.1",
      store,
      fetch: server.fetch,
      now: time.now,
      random: () => 0.5,
      schedule: time.schedule,
      env: {},
      onEvent: (event) => void events.push(event),
      ...more,
    });
  return { time, server, store, events, make };
}

/** Signs in, with an approval as soon as the code is shown. */
export async function signIn(
  world: ReturnType<typeof clientWorld>,
  client: Client,
): Promise<Result<{ scope: string }>> {
  const result = client.signIn({ onCode: () => world.server.approve() });
  await world.time.advance(10_000);
  return await result;
}
