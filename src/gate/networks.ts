import { concat, fromBase64Url, toBase64Url, toHex } from "../core/bytes.ts";
import { DAY_MS } from "../core/clock.ts";
import type { GateStore } from "./store.ts";

interface Salt {
  /** Days since 1970, UTC. */
  day: number;
  key: Uint8Array<ArrayBuffer>;
}

/** Where the salt of the day, and for a window the one before, are kept in `meta`. */
const KEYS = ["salt", "salt-before"] as const;

/**
 * Names callers who have no id by their network, so that nobody can tell later which it was: HMAC-SHA256 under a random
 * salt that lives for a day. Networks come as prefixes and are kept nowhere.
 */
export class Networks {
  readonly #store: GateStore;
  #salts: Salt[];

  constructor(store: GateStore) {
    this.#store = store;
    const meta = store.meta();
    this.#salts = KEYS.flatMap((key) => {
      const [day, text = ""] = String(meta.get(key) ?? "").split(" ");
      const salt = fromBase64Url(text);
      return salt === null || salt.length === 0 ? [] : [{ day: Number(day), key: concat(salt) }];
    });
  }

  /**
   * The names of a network at `nowMs`: today's, and yesterday's for as long as a window of `windowMs` reaches back there,
   * or midnight would double every limit.
   */
  async subjects(prefix: string, nowMs: number, windowMs: number): Promise<string[]> {
    const day = Math.floor(nowMs / DAY_MS);
    this.#turn(day, nowMs - day * DAY_MS < windowMs);
    return await Promise.all(this.#salts.map(({ key }) => name(key, prefix)));
  }

  #turn(day: number, keepYesterday: boolean): void {
    const [current, before] = this.#salts;
    const kept = [current, before].filter((salt) => salt !== undefined && (salt.day === day || keepYesterday));
    if (current?.day === day && kept.length === this.#salts.length) return;
    const today = current?.day === day ? current : { day, key: crypto.getRandomValues(new Uint8Array(32)) };
    const yesterday = keepYesterday ? kept.find((salt) => salt?.day === day - 1) : undefined;
    this.#salts = yesterday === undefined ? [today] : [today, yesterday];
    for (const [index, key] of KEYS.entries()) {
      const salt = this.#salts[index];
      if (salt === undefined) this.#store.dropMeta(key);
      else this.#store.setMeta(key, `${salt.day} ${toBase64Url(salt.key)}`);
    }
  }
}

async function name(salt: Uint8Array<ArrayBuffer>, prefix: string): Promise<string> {
  const key = await crypto.subtle.importKey("raw", salt, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(prefix));
  return toHex(new Uint8Array(mac, 0, 16));
}
