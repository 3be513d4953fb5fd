import type { ClientEvent } from "./event.ts";
import { printable } from "./json-field.ts";

/**
 * Where one JSON text is kept, with secrets in it: a file of mode 0600, a key chain. Processes of one instance may share
 * it, with one client each and the same `url`. Then a no is heard by all before they send anything by themselves; a yes
 * when they start next. A refresh, a sign-in and a registration are taken over by the others before they send their own.
 * There is no lock: what two do within the same second may be done twice, and two refreshes at once may end the sign-in.
 */
export interface ClientStore {
  /** What was `set` last, by whichever process; null if nothing ever was. */
  get(): Promise<string | null>;
  /** Resolves when it is kept. Whole or not at all: a file is written under a name of its own and renamed. */
  set(text: string): Promise<void>;
}

/**
 * Calls `fn` once, `delayMs` from now, and returns what cancels it. A timer that does not `keepAlive` must not keep the
 * program running.
 */
export type Schedule = (fn: () => void, delayMs: number, keepAlive: boolean) => () => void;

export interface ClientOptions {
  /** The service's address: https, or http on this machine. */
  url: string;
  store: ClientStore;
  /** Claims the instance at once for the workspace of the key. */
  registrationKey?: string;
  /** How people shall know the instance. Sent only when given; nothing of the machine is read for it. */
  name?: string;
  /** Sent with every ping, only when given. At most 64 characters each. */
  os?: { kind?: string | null; name?: string | null; version?: string | null };
  /** What the instance may ever ask for; `profile:read` if left out. */
  scope?: string;
  /** True: nothing is sent until `setConsent(true)`. */
  askFirst?: boolean;
  onEvent?: (event: ClientEvent) => void;
  /** The issuer of offline leases; the address if left out. */
  issuer?: string;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** ms since 1970. */
  now?: () => number;
  /** From 0 up to 1, for spreading requests. No secret is made of it. */
  random?: () => number;
  schedule?: Schedule;
  /** Where DO_NOT_TRACK is looked up; the program's environment if left out. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** The options with everything that was left out. */
export interface Settings {
  url: string;
  issuer: string;
  store: ClientStore;
  registrationKey: string | null;
  name: string | null;
  os: { kind: string | null; name: string | null; version: string | null } | null;
  scope: string;
  askFirst: boolean;
  emit(event: ClientEvent): void;
  fetch(url: string, init: RequestInit): Promise<Response>;
  now(): number;
  random(): number;
  schedule: Schedule;
  /** Whether the owner of the machine wants no telemetry, asked anew each time. */
  doNotTrack(): boolean;
}

const OS_LENGTH = 64;
const NAME_LENGTH = 100;

/** Null when the address is none that secrets may be sent to, or there is no store. */
export function readOptions(options: ClientOptions): Settings | null {
  const url = addressOf(options.url);
  const { store, onEvent, registrationKey, name, os } = options;
  if (url === null || typeof store?.get !== "function" || typeof store.set !== "function") return null;
  return {
    url,
    issuer: options.issuer ?? url,
    store,
    registrationKey: registrationKey || null,
    name: name ? printable(name, NAME_LENGTH) || null : null,
    os: os ? { kind: shown(os.kind), name: shown(os.name), version: shown(os.version) } : null,
    scope: options.scope ?? "profile:read",
    askFirst: options.askFirst === true,
    emit: (event) => harmless(() => onEvent?.(event)),
    fetch: options.fetch ?? ((target, init) => fetch(target, init)),
    now: () => numberOf(options.now) ?? Date.now(),
    random: () => numberOf(options.random) ?? Math.random(),
    schedule: scheduleWith(options.schedule),
    doNotTrack: () => doNotTrack(options.env),
  };
}

function shown(value: string | null | undefined): string | null {
  return typeof value === "string" ? printable(value, OS_LENGTH) || null : null;
}

/** Without a slash at the end. Secrets travel encrypted or not beyond this machine. */
function addressOf(text: string): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  const local = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) return null;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return null;
  return url.href.replace(/\/+$/, "");
}

/** Calls what the host gave us: its faults, thrown or rejected later, must not come back to it through us. */
export function harmless(callback: () => unknown): void {
  try {
    Promise.resolve(callback()).catch(() => undefined);
  } catch {
    // Its own to find.
  }
}

function numberOf(given: (() => number) | undefined): number | null {
  try {
    const value = given?.();
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

function scheduleWith(given: Schedule | undefined): Schedule {
  if (given === undefined) return scheduleTimer;
  return (fn, delayMs, keepAlive) => {
    try {
      const cancel = given(fn, delayMs, keepAlive);
      return () => harmless(cancel);
    } catch {
      return scheduleTimer(fn, delayMs, keepAlive);
    }
  };
}

const scheduleTimer: Schedule = (fn, delayMs, keepAlive) => {
  const timer: unknown = setTimeout(fn, delayMs);
  // Node's timers are objects; elsewhere a number, and nothing is kept alive by it.
  if (!keepAlive && typeof timer === "object") (timer as { unref?: () => void }).unref?.();
  return () => clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
};

/** DO_NOT_TRACK in any form but an empty one, 0 and false, or the browser's setting. What cannot be read means yes. */
function doNotTrack(given: ClientOptions["env"]): boolean {
  try {
    const { process, navigator } = globalThis as {
      process?: { env?: ClientOptions["env"] };
      navigator?: { doNotTrack?: unknown };
    };
    const wish = (given ?? process?.env)?.["DO_NOT_TRACK"]?.trim().toLowerCase() ?? "";
    return !["", "0", "false"].includes(wish) || navigator?.doNotTrack === "1";
  } catch {
    return true;
  }
}
