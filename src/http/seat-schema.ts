import * as z from "zod";

/** How many people may hold a seat of a subscription. */
export const seatCount = z.int().min(1).max(1_000_000);
/** Whether somebody takes one. */
export const useSeat = z.boolean().describe("Whether one of the subscription's seats is taken.");
/** What the published contract, whose `seats` is an int32, has for any number: the most that it can say. */
export const ANY_NUMBER = 2_147_483_647;
