import type { Memory } from "./memory.ts";
import type { Settings } from "./options.ts";
import type { Send } from "./send.ts";

/** What the parts of one client share. */
export interface Parts {
  settings: Settings;
  memory: Memory;
  send: Send;
  /** Whether the client may send anything by itself. */
  permitted(): boolean;
}
