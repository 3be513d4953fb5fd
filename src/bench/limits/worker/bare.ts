import { type DecisionText, encodeDecision } from "../../../gate/decision-text.ts";
import { POLICIES } from "./terms.ts";
import { WatchedObject } from "./watched-object.ts";

const ANSWER = encodeDecision({
  admitted: true,
  states: POLICIES.map(({ name, limit, windowS }) => ({ name, limit, windowS, remaining: limit, resetS: 1 })),
  violated: [],
  retryAfterS: 0,
});

/** What a call costs that decides nothing and stores nothing. */
export class BareObject extends WatchedObject {
  take(): boolean {
    return true;
  }

  answer(): DecisionText {
    return ANSWER;
  }
}
