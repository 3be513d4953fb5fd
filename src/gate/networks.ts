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
    this.#salts = KEYS.flatMap((key) => {
      const [day, text = ""] = String(store.meta(key) ?? "").split(" ");
      const salt = fromBase64Url(text);
      return salt === null || salt.length === 0 ? [] : [{ day: Number(day), key: concat(salt) }];
    });
  }

  /**
   * The names of a network at `nowMs`: today's, and yesterday's for as long as a window of `windowMs` reaches back there,
   * or midnight would double every limit.
   */
  async subjects(prefix: string, nowMs: number, windowMs: number): Promise<string[]> {
    this.#turn(nowMs, windowMs);
    return await Promise.all(this.#salts.map(({ key }) => name(key, prefix)));
  }

  /** Lets go of the salts whose day has passed. */
  forget(nowMs: number): void {
    const day = Math.floor(nowMs / DAY_MS);
    const kept = this.#salts.filter((salt) => Math.abs(salt.day - day) <= 1);
    if (kept.length < this.#salts.length || (kept[0]?.day ?? day) < day)
      this.#keep(kept.filter((salt) => salt.day >= day));
  }

  #turn(nowMs: number, windowMs: number): void {
    const clockDay = Math.floor(nowMs / DAY_MS);
    const [current, before] = this.#salts;
    // A clock that wavers at midnight stays in the new day: going back and forth would free everybody each time.
    const day = current?.day === clockDay + 1 ? current.day : clockDay;
    const today = current?.day === day ? current : { day, key: crypto.getRandomValues(new Uint8Array(32)) };
    const older = today === current ? before : current;
    const overlaps = nowMs - day * DAY_MS < windowMs;
    const salts = overlaps && older?.day === day - 1 ? [today, older] : [today];
    if (salts.length !== this.#salts.length || today !== current) this.#keep(salts);
  }

  #keep(salts: Salt[]): void {
    this.#salts = salts;
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
