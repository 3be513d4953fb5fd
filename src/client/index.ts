/**
 * `ebb/client`: what an instance needs of the service, with fetch alone. Runs in Node 20 and later, browsers and Workers.
 */
export type { PingOutcome } from "./alive.ts";
export type { InstanceOwner, InstanceWorkspace, UserProfile, UserSession } from "./answer.ts";
export { type Client, type ClientStatus, createClient } from "./client.ts";
export type { ClientEvent } from "./event.ts";
export type { ClientOptions, ClientStore, Schedule } from "./options.ts";
export type { Action, PreviewedRequest } from "./preview.ts";
export type { ClientError, ErrorCode, Result } from "./result.ts";
export type { SignInCode, SignInRequest } from "./sign-in.ts";
export type { Lease } from "./verify-lease.ts";
